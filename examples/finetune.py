"""Fine-tune the classifier on a few drawn pictures: `python examples/finetune.py`.

Five kinds of patterns, 40 pictures of each to learn from and 20 to be asked about afterwards, all drawn here. The
convolutions stay as they are; three new dense layers are trained as the paper trains them: stochastic gradient descent
with momentum, dropout, weight decay. Then the network is saved, loaded again, and asked once more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import myvgg

KINDS = ("stripes", "rings", "checks", "dots", "clouds")
SIZE = 224
LEARN, ASK = 40, 20
BATCH = 25


def draw(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a pattern of random size, direction, place and colours, with noise over it: uint8, (224, 224, 3)."""
    y, x = np.mgrid[:SIZE, :SIZE] - rng.uniform(0, SIZE, 2)[:, None, None]
    angle, wave = rng.uniform(0, np.pi), rng.uniform(14, 40)
    u, v = (np.cos(angle) * x + np.sin(angle) * y) / wave, (np.cos(angle) * y - np.sin(angle) * x) / wave
    if kind == "stripes":
        mask = np.sin(2 * np.pi * u) > 0
    elif kind == "rings":
        mask = np.sin(2 * np.pi * np.hypot(u, v)) > 0
    elif kind == "checks":
        mask = (np.sin(np.pi * u) > 0) ^ (np.sin(np.pi * v) > 0)
    elif kind == "dots":
        mask = np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.3
    else:
        coarse = rng.standard_normal((1, int(SIZE / wave) + 3, int(SIZE / wave) + 3, 1))
        mask = tf.image.resize(coarse, (SIZE, SIZE), "bicubic").numpy()[0, ..., 0] > 0
    dark, bright = rng.uniform(0, 110, 3), rng.uniform(145, 255, 3)
    picture = np.where(mask[..., None], bright, dark) + rng.normal(0, 25, (SIZE, SIZE, 3))
    return picture.clip(0, 255).astype(np.uint8)


def data(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw so many pictures of each kind; return them shuffled, with the number of their kind."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(np.repeat(np.arange(len(KINDS)), count))
    return np.stack([draw(KINDS[number], rng) for number in numbers]), numbers


def train(vgg: myvgg.VGG19, images: np.ndarray, numbers: np.ndarray, *, epochs: int, rate: float) -> None:
    """Train what is trainable."""
    import keras

    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    variables = list(vgg.trainable_variables)

    @tf.function(reduce_retracing=True, autograph=False)
    def step(batch: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            scores = vgg.logits(batch, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, scores)) + vgg.penalty()
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    rng = np.random.default_rng(0)
    with tqdm(total=epochs * len(images), unit=" pictures") as bar:
        for _ in range(epochs):
            order = rng.permutation(len(images))
            for start in range(0, len(images), BATCH):
                chosen = order[start : start + BATCH]
                loss = step(tf.constant(images[chosen]), tf.constant(numbers[chosen]))
                bar.set_postfix(loss=f"{float(loss):.3f}")
                bar.update(len(chosen))


def accuracy(vgg: myvgg.VGG19, images: np.ndarray, numbers: np.ndarray) -> float:
    """Return the share of pictures whose kind is found."""
    found = [np.argmax(vgg.logits(images[i : i + BATCH]), axis=-1) for i in range(0, len(images), BATCH)]
    return float(np.mean(np.concatenate(found) == numbers))


def main() -> None:
    """Train, ask, save, load, and ask again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="a weights file, or random; by default those that myvgg finds")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--output", type=Path, default=Path("patterns.safetensors"))
    arguments = parser.parse_args()
    tf.keras.utils.set_random_seed(0)

    dense = ("fc6", "fc7", "fc8")
    base = myvgg.VGG19.load(arguments.weights, include_top=False)
    vgg = base.with_classes(len(KINDS), labels=KINDS, trainable=dense)
    held_out = data(ASK, seed=2)
    train(vgg, *data(LEARN, seed=1), epochs=arguments.epochs, rate=arguments.rate)
    before = accuracy(vgg, *held_out)
    print(f"{before:.1%} of {len(held_out[0])} pictures that it has not seen are recognised")

    vgg.save(arguments.output)
    loaded = myvgg.VGG19.load(arguments.output)
    after = accuracy(loaded, *held_out)
    print(f"{after:.1%} after {arguments.output} was loaded again")
    (best, *_), *_ = loaded.top(held_out[0][:1])
    print(f"the first of them shows {best[0]} ({best[1]:.0%}): {KINDS[held_out[1][0]]} was drawn")


if __name__ == "__main__":
    main()
