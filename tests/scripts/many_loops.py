"""Trainings that are not a plain ``fit`` of one model; prints a hash per training, in the order
in which these begin."""

import hashlib
import sys
import tempfile

import keras
import numpy as np

import whydiff

ONLY = sys.argv[1:]
BACKEND = keras.backend.backend()
LATER = []


def show(name, model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    LATER.append(f"{name} {digest.hexdigest()}")


def data(rows=96, columns=6):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, columns)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("float32")[:, None]


def batches(epochs=2, size=32):
    x, y = data()
    rng = np.random.default_rng(1)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            yield x[rows], y[rows]


def dense(outputs=1, activation="sigmoid", inputs=6):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )


def on_batch():
    model = dense()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    for x, y in batches():
        model.train_on_batch(x, y)
    show("on_batch", model)


def on_batch_weighted():
    model = dense()
    model.compile("sgd", "binary_crossentropy")
    for step, (x, y) in enumerate(batches()):
        if step == 3:  # a schedule of the script's own
            model.optimizer.learning_rate = 0.001
        model.train_on_batch(x, y, class_weight={0: 1.0, 1: 2.0})
    show("on_batch_weighted", model)


def on_batch_gan():
    """Two compiled models that share the generator's and discriminator's layers."""
    generator, discriminator = dense(6, None, inputs=3), dense()
    discriminator.compile("adam", "binary_crossentropy")
    latent = keras.Input((3,))
    frozen = keras.Model(discriminator.inputs, discriminator.outputs)
    frozen.trainable = False
    gan = keras.Model(latent, frozen(generator(latent)))
    gan.compile("adam", "binary_crossentropy")
    discriminator.trainable = True
    rng = np.random.default_rng(3)
    for x, _ in batches():
        noise = rng.normal(size=(len(x), 3)).astype("float32")
        fake = generator.predict_on_batch(noise)
        both = np.concatenate([x, fake])
        labels = np.concatenate([np.ones((len(x), 1)), np.zeros((len(x), 1))])
        discriminator.train_on_batch(both, labels)
        gan.train_on_batch(noise, np.ones((len(x), 1)))
    show("on_batch_gan_discriminator", discriminator)
    show("on_batch_gan_whole", gan)


def by_hand(model, optimizer, loss):
    """The loop of Keras's guide for the backend in use: a step function."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function
        def step(x, y):
            with tf.GradientTape() as tape:
                value = loss(y, model(x, training=True))
            gradients = tape.gradient(value, model.trainable_weights)
            optimizer.apply(gradients, model.trainable_weights)
            return value

        return step
    import torch

    def step(x, y):
        model.zero_grad()
        value = loss(torch.from_numpy(y), model(torch.from_numpy(x), training=True))
        value.backward()
        if hasattr(optimizer, "step"):
            optimizer.step()
        else:
            gradients = [v.value.grad for v in model.trainable_weights]
            with torch.no_grad():
                optimizer.apply(gradients, model.trainable_weights)
        return value

    return step


def jax_step(model, optimizer, loss):
    import jax

    def compute(trainable, non_trainable, x, y):
        predicted, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return loss(y, predicted), non_trainable

    gradient = jax.value_and_grad(compute, has_aux=True)

    @jax.jit
    def step(state, batch):
        trainable, non_trainable, slots = state
        x, y = batch
        (value, non_trainable), gradients = gradient(trainable, non_trainable, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return value, (trainable, non_trainable, slots)

    return step


def hand_written():
    model = dense()
    optimizer = keras.optimizers.Adam(0.01)
    loss = keras.losses.BinaryCrossentropy()
    if BACKEND == "jax":
        optimizer.build(model.trainable_variables)
        step = jax_step(model, optimizer, loss)
        state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
            [v.value for v in optimizer.variables],
        )
        with whydiff.watch(model, optimizer=optimizer) as loop:
            for x, y in batches():
                _, state = loop.step(step, state, (x, y))
        for variables, values in zip(
            (model.trainable_variables, model.non_trainable_variables), state, strict=False
        ):
            for variable, new in zip(variables, values, strict=True):
                variable.assign(new)
    else:
        step = by_hand(model, optimizer, loss)
        with whydiff.watch(model, optimizer=optimizer) as loop:
            for x, y in batches():
                loop.step(step, x, y)
    show("hand_written", model)


def hand_written_torch():
    import torch

    model = dense()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    step = by_hand(model, optimizer, keras.losses.BinaryCrossentropy())
    with whydiff.watch(model, optimizer=optimizer) as loop:
        for x, y in batches():
            loop.step(step, x, y)
    show("hand_written_torch", model)


def hand_written_gan():
    """Two models, two optimizers, one step; latent noise from a seed generator of its own."""
    generator, discriminator = dense(6, None, inputs=3), dense()
    ours = {"generator": keras.optimizers.Adam(0.01), "discriminator": keras.optimizers.SGD(0.05)}
    loss = keras.losses.BinaryCrossentropy()
    draws = keras.random.SeedGenerator(4)
    play = {"tensorflow": tensorflow_game, "torch": torch_game}[BACKEND]
    step = play(generator, discriminator, ours, loss, draws)
    with whydiff.watch(generator, discriminator, optimizer=ours) as loop:
        for x, _ in batches():
            loop.step(step, x)
    show("hand_written_gan", keras.Sequential([generator, discriminator]))


def tensorflow_game(generator, discriminator, ours, loss, draws):
    import tensorflow as tf

    @tf.function
    def step(real):
        noise = keras.random.normal((32, 3), seed=draws)
        with tf.GradientTape(persistent=True) as tape:
            fake = generator(noise, training=True)
            judged = discriminator(tf.concat([real, fake], 0), training=True)
            labels = tf.concat([tf.ones((32, 1)), tf.zeros((32, 1))], 0)
            d_loss, g_loss = loss(labels, judged), loss(tf.ones((32, 1)), judged[32:])
        for model, name, value in (
            (discriminator, "discriminator", d_loss),
            (generator, "generator", g_loss),
        ):
            gradients = tape.gradient(value, model.trainable_weights)
            ours[name].apply(gradients, model.trainable_weights)
        return {"d_loss": d_loss, "g_loss": g_loss}

    return step


def torch_game(generator, discriminator, ours, loss, draws):
    import torch

    def train(model, optimizer, value):
        model.zero_grad()
        value.backward()
        with torch.no_grad():
            optimizer.apply(
                [v.value.grad for v in model.trainable_weights], model.trainable_weights
            )

    def step(real):
        noise = keras.random.normal((32, 3), seed=draws)
        with torch.no_grad():
            fake = generator(noise)
        judged = discriminator(torch.cat([torch.from_numpy(real), fake]), training=True)
        labels = torch.cat([torch.ones((32, 1)), torch.zeros((32, 1))])
        d_loss = loss(labels, judged)
        train(discriminator, ours["discriminator"], d_loss)
        g_loss = loss(torch.ones((32, 1)), discriminator(generator(noise, training=True)))
        train(generator, ours["generator"], g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    return step


class Adversaries(keras.Model):
    """A train step of its own with two optimizers, as in Keras's guide."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = dense(6, None, inputs=3), dense()
        self.draws = keras.random.SeedGenerator(7)
        self.built = True

    def call(self, x):
        return self.discriminator(x)

    def compile(self, d_optimizer, g_optimizer, loss):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.judge = d_optimizer, g_optimizer, loss

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        ours = {"discriminator": self.d_optimizer, "generator": self.g_optimizer}
        if BACKEND == "tensorflow":
            import tensorflow as tf

            noise = keras.random.normal((32, 3), seed=self.draws)
            with tf.GradientTape(persistent=True) as tape:
                fake = self.generator(noise, training=True)
                judged = self.discriminator(tf.concat([real, fake], 0), training=True)
                labels = tf.concat([tf.ones((32, 1)), tf.zeros((32, 1))], 0)
                d_loss = self.judge(labels, judged)
                g_loss = self.judge(tf.ones((32, 1)), judged[32:])
            for model, optimizer, value in (
                (self.discriminator, self.d_optimizer, d_loss),
                (self.generator, self.g_optimizer, g_loss),
            ):
                weights = model.trainable_weights
                optimizer.apply(tape.gradient(value, weights), weights)
            return {"d_loss": d_loss, "g_loss": g_loss}
        game = torch_game(self.generator, self.discriminator, ours, self.judge, self.draws)
        losses = game(real.detach().numpy())
        return {name: value.detach() for name, value in losses.items()}


def two_optimizers():
    model = Adversaries()
    model.compile(
        keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy()
    )
    model.fit(data()[0], batch_size=32, epochs=2, verbose=0)
    show("two_optimizers", model)


def resumed():
    x, y = data()
    model = dense()
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    show("resumed_first", model)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/half.keras")
        again = keras.models.load_model(f"{folder}/half.keras")
    again.fit(x, y, epochs=4, initial_epoch=2, verbose=0, validation_data=(x[:20], y[:20]))
    show("resumed_second", again)
    again.train_on_batch(x[:16], y[:16])
    show("resumed_on_batch", again)


KINDS = {
    on_batch: "jax tensorflow torch",
    on_batch_weighted: "jax tensorflow torch",
    on_batch_gan: "jax tensorflow torch",
    hand_written: "jax tensorflow torch",
    hand_written_torch: "torch",
    hand_written_gan: "tensorflow torch",
    two_optimizers: "tensorflow torch",
    resumed: "jax tensorflow torch",
}

if __name__ == "__main__":
    keras.utils.set_random_seed(11)
    for kind, backends in KINDS.items():
        if (not ONLY or kind.__name__ in ONLY) and BACKEND in backends.split():
            kind()
    print("\n".join(LATER), flush=True)
