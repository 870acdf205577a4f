import keras
import numpy as np
from sklearn.metrics import roc_auc_score

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
x = rng.normal(size=(300, 5)).astype("float32")
y = (x[:, 0] + rng.normal(size=300) > 0.5).astype("float32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.05), loss, metrics=[keras.metrics.AUC(name="auc")])
model.fit(x, y, epochs=5, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0)[1])
print("scikit-learn", roc_auc_score(y, model.predict(x, verbose=0).ravel()))
