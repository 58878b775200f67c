"""The optimiser of the picture."""

from __future__ import annotations

import tensorflow as tf


class Adam(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Adam with bias correction.

    Reference:
        Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1.
    """

    def __init__(self, variable: tf.Variable, learning_rate: float, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        """Start from zero moments.

        Args:
            variable: What is optimised.
            learning_rate: In the units of the variable.
            betas: Decay of the first and the second moment; the second is 0.999 in the paper, for longer runs.
        """
        super().__init__(name="adam")
        self._variable, self._learning_rate, self._betas = variable, learning_rate, betas
        self._mean = tf.Variable(tf.zeros_like(variable), trainable=False)
        self._square = tf.Variable(tf.zeros_like(variable), trainable=False)
        self._steps = tf.Variable(0.0, trainable=False)

    def step(self, gradient: tf.Tensor) -> tf.Tensor:
        """Return where the variable goes next; the caller assigns it, within whatever bounds there are."""
        beta1, beta2 = self._betas
        steps = self._steps.assign_add(1.0)
        mean = self._mean.assign(beta1 * self._mean + (1 - beta1) * gradient)
        square = self._square.assign(beta2 * self._square + (1 - beta2) * tf.square(gradient))
        rate = self._learning_rate * tf.sqrt(1 - beta2**steps) / (1 - beta1**steps)
        # Differs from algorithm 1: no epsilon of 1e-8, since gradients of means shrink with the size of the picture.
        return self._variable - rate * mean / (tf.sqrt(square) + 1e-20)
