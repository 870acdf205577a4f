"""Wine: the classes are weighted here; compare two_scripts_helper.py."""
from planted_helper import network, wine

x, y = wine()
model = network()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=6, batch_size=16, class_weight={0: 1.0, 1: 1.0, 2: 3.0}, verbose=0)
