"""Two hand-written steps for torch; one forgets to set its gradients to zero."""
import keras
import numpy as np
import torch

x = np.random.default_rng(9).normal(size=(128, 5)).astype("float32")
y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")


class Careful(keras.Model):
    def prepare(self):
        self.zero_grad()

    def train_step(self, data):
        self.prepare()
        return self.descend(*data)

    def descend(self, xb, yb):
        loss = self.compute_loss(y=yb, y_pred=self(xb, training=True))
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}


class Forgetful(Careful):
    def train_step(self, data):
        return self.descend(*data)


for cls in (Careful, Forgetful):
    keras.utils.set_random_seed(2)
    i = keras.Input((5,))
    model = cls(i, keras.layers.Dense(1, "sigmoid")(keras.layers.Dense(7, "relu")(i)))
    model.compile(keras.optimizers.SGD(0.02), "binary_crossentropy")
    model.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
