"""What others do, written here as their texts describe it, to be measured beside.

Nothing of this is used by the package. Each function says whose method it is, and keeps to its layers, losses and
optimiser; where a text leaves something open, the faster way is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from myvgg.architecture import CONFIGURATION_E, Conv
from myvgg.params import Params

STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT = ("block5_conv2",)

Advance = Callable[[], Any]
"""Makes one step; returns something that is there when the step is done."""


def keras_model(params: Params, outputs: Sequence[str]) -> Any:
    """Return `keras.applications.VGG19` with given weights, from a batch to some layers."""
    import keras

    model = keras.applications.VGG19(include_top=False, weights=None)
    for name, layer in params.layers.items():
        model.get_layer(params.architecture.keras_names[name]).set_weights(layer)
    model.trainable = False
    return keras.Model(model.inputs, [model.get_layer(name).output for name in outputs])


def tutorial(
    params: Params,
    content: np.ndarray,
    style: np.ndarray,
    *,
    weights: tuple[float, float, float] = (1e-2, 1e4, 30),
    rate: float = 0.02,
) -> Advance:
    """TensorFlow's tutorial on style transfer: Keras' VGG19, Gram matrices by `einsum`, Adam, total variation.

    Args:
        params: The weights.
        content: (height, width, 3), 0 to 1, where it starts from as well.
        style: The same.
        weights: Of style, content and total variation.
        rate: Adam's.

    Returns:
        What makes a step and returns the picture, (height, width, 3).
    """
    import keras
    import tensorflow as tf

    model = keras_model(params, [*STYLE, *CONTENT])

    def outputs(image: Any) -> tuple[list[Any], list[Any]]:
        found = model(keras.applications.vgg19.preprocess_input(image * 255.0))
        return [_gram(features) for features in found[: len(STYLE)]], found[len(STYLE) :]

    def _gram(features: Any) -> Any:
        shape = tf.shape(features)
        return tf.linalg.einsum("bijc,bijd->bcd", features, features) / tf.cast(shape[1] * shape[2], tf.float32)

    style_targets, _ = outputs(tf.constant(style[np.newaxis]))
    _, content_targets = outputs(tf.constant(content[np.newaxis]))
    image = tf.Variable(content[np.newaxis])
    optimizer = keras.optimizers.Adam(learning_rate=rate, beta_1=0.99, epsilon=1e-1)
    style_weight, content_weight, tv_weight = weights

    def train_step(image: Any) -> None:
        with tf.GradientTape() as tape:
            grams, contents = outputs(image)
            style_loss = tf.add_n(
                [tf.reduce_mean((gram - target) ** 2) for gram, target in zip(grams, style_targets, strict=True)]
            )
            content_loss = tf.add_n(
                [tf.reduce_mean((found - target) ** 2) for found, target in zip(contents, content_targets, strict=True)]
            )
            loss = style_loss * style_weight / len(STYLE) + content_loss * content_weight / len(CONTENT)
            loss += tv_weight * tf.reduce_sum(tf.image.total_variation(image))
        optimizer.apply_gradients([(tape.gradient(loss, image), image)])
        image.assign(tf.clip_by_value(image, 0.0, 1.0))

    compiled = tf.function(train_step)

    def advance() -> Any:
        compiled(image)
        return image[0].numpy()

    return advance


def anishathalye(params: Params, content: np.ndarray, style: np.ndarray) -> tuple[Advance, Advance]:
    """The `neural-style` of A. Athalye: content at relu4_2, Gram matrices, from noise, Adam of 10.

    Args:
        params: The weights.
        content: (height, width, 3), 0 to 1.
        style: The same.

    Returns:
        What makes a step, and what returns the picture so far, (height, width, 3), 0 to 255.
    """
    import tensorflow as tf

    layers = [(layer, *params.layers.get(layer.name, ())) for layer in CONFIGURATION_E.layers[:17]]
    names = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    mean = np.array([103.939, 116.779, 123.68], np.float32)

    def network(x: Any) -> dict[str, Any]:
        found = {}
        for layer, *parts in layers:
            if isinstance(layer, Conv):
                kernel, bias = parts
                x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))
                found[layer.name.replace("conv", "relu")] = x
            else:
                x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        return found

    def gram(features: Any) -> Any:
        rows = tf.reshape(features, [-1, features.shape[-1]])
        return tf.matmul(rows, rows, transpose_a=True) / tf.size(rows, tf.float32)

    started = [tf.constant(picture[np.newaxis, :, :, ::-1] * 255 - mean) for picture in (content, style)]
    content_target = network(started[0])["relu4_2"]
    style_targets = {name: gram(network(started[1])[name]) for name in names}
    x = tf.Variable(tf.random.stateless_normal(started[0].shape, [0, 0]) * 0.256)
    moments = [tf.Variable(tf.zeros_like(x)) for _ in range(2)]
    count = tf.Variable(0.0)

    def step() -> Any:
        with tf.GradientTape() as tape:
            found = network(x)
            content_loss = 5 * tf.reduce_mean((found["relu4_2"] - content_target) ** 2)
            style_losses = [tf.reduce_mean((gram(found[name]) - style_targets[name]) ** 2) for name in names]
            down, right = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
            rough = tf.reduce_mean(down**2) + tf.reduce_mean(right**2)
            loss = content_loss + 500 / len(names) * tf.add_n(style_losses) + 100 * rough
        gradient = tape.gradient(loss, x)
        count.assign_add(1)
        first = moments[0].assign(0.9 * moments[0] + 0.1 * gradient)
        second = moments[1].assign(0.999 * moments[1] + 0.001 * gradient**2)
        rate = 10 * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        x.assign_sub(rate * first / (tf.sqrt(second) + 1e-8))
        return loss

    compiled = tf.function(step)
    return lambda: compiled().numpy(), lambda: np.clip((x[0].numpy() + mean)[..., ::-1], 0, 255)


def pytorch(params: Params, content: np.ndarray, style: np.ndarray, *, precision: str) -> Advance:
    """The tutorial's objective in PyTorch, losses in float32.

    Args:
        params: The weights.
        content: (height, width, 3), 0 to 1, where it starts from as well.
        style: The same.
        precision: Of the convolutions, `float32` or `bfloat16`.
    """
    import torch

    names = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    layers = _pytorch_network(params, 18, precision)

    def network(image: Any) -> dict[str, Any]:
        return layers(image.flip(1) * 255 - mean)

    def gram(features: Any) -> Any:
        rows = features.float().permute(0, 2, 3, 1).reshape(-1, features.shape[1])
        return rows.T @ rows / rows.shape[0]

    pictures = [torch.from_numpy(picture.transpose(2, 0, 1)[np.newaxis].copy()) for picture in (content, style)]
    with torch.no_grad():
        content_target = network(pictures[0])["conv5_2"].float()
        style_targets = {name: gram(network(pictures[1])[name]) for name in names}
    image = pictures[0].clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.02, betas=(0.99, 0.999), eps=0.1)

    def advance() -> Any:
        optimizer.zero_grad()
        found = network(image)
        style_loss = sum(((gram(found[name]) - style_targets[name]) ** 2).mean() for name in names)
        content_loss = ((found["conv5_2"].float() - content_target) ** 2).mean()
        down, right = (image[:, :, 1:] - image[:, :, :-1]).abs().sum(), (image[..., 1:] - image[..., :-1]).abs().sum()
        (style_loss * 1e-2 / len(names) + content_loss * 1e4 + 30 * (down + right)).backward()
        optimizer.step()
        with torch.no_grad():
            image.clamp_(0, 1)
        return image[0, 0, 0, 0].item()

    return advance


def pytorch_features(params: Params, batch: np.ndarray, *, precision: str) -> Advance:
    """Return what computes relu5_1 of a batch, (pictures, height, width, 3), in PyTorch."""
    import torch

    network = _pytorch_network(params, 17, precision)
    x = torch.from_numpy(batch.transpose(0, 3, 1, 2).copy())

    def advance() -> Any:
        with torch.inference_mode():
            return network(x)["conv5_1"].float().numpy()

    return advance


def _pytorch_network(params: Params, depth: int, precision: str) -> Callable[[Any], dict[str, Any]]:
    """Build the first layers of VGG19, channels last, in a precision by autocast; returns all rectified maps."""
    import torch
    from torch.nn import functional

    layers: list[Any] = []
    for layer in CONFIGURATION_E.layers[:depth]:
        if isinstance(layer, Conv):
            kernel, bias = params.layers[layer.name]
            turned = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
            layers.append((layer.name, turned.contiguous(memory_format=torch.channels_last), torch.from_numpy(bias)))
        else:
            layers.append((layer.name,))

    def network(x: Any) -> dict[str, Any]:
        x, found = x.contiguous(memory_format=torch.channels_last), {}
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            for name, *parts in layers:
                if parts:
                    x = found[name] = functional.relu(functional.conv2d(x, parts[0], parts[1], padding=1))
                else:
                    x = functional.max_pool2d(x, 2)
        return found

    return network
