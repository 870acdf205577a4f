"""Scripts that look as if a rule applied and do it right, and further ways to get it wrong.

Every rule also brings a ``bad`` and a ``good`` script of its own.
"""

HEAD = "import keras\nimport numpy as np\nimport tensorflow as tf\n"
MODEL = "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n"
TRAIN = 'model.compile("adam", "mse")\nmodel.fit(x, y)\n'
SEED = "keras.utils.set_random_seed(1)\n"
MAKE = (
    "def make():\n    model = keras.Sequential([keras.layers.Dense(3)])\n"
    '    model.compile("adam", "mse")\n    return model\n'
)

#: rule id -> scripts in which it must stay silent
FINE = {
    "WD101": [
        "import keras\nnet = keras.applications.VGG19(weights='imagenet')\n"
        "for n in range(9):\n    optimizer.apply_gradients([(g, image)])\n",
        "import keras\nimport tensorflow as tf\nkeras.utils.set_random_seed(1)\n"
        "m = keras.Sequential([])\nfor x in d:\n    o.apply_gradients(g)\n",
        HEAD + "import random\nrandom.seed(1)\n" + MODEL + TRAIN,
        HEAD + MODEL + "print(model.predict(x))\n",
        "from sklearn.preprocessing import StandardScaler\nStandardScaler().fit(x)\n",
        HEAD + "from tensorflow.keras.utils import set_random_seed as s\ns(3)\n" + MODEL + TRAIN,
        HEAD + "def main(seed):\n    keras.utils.set_random_seed(seed)\n" + MODEL + TRAIN,
    ],
    "WD102": [
        HEAD + "tf.random.set_seed(1)\nimport random\nrandom.seed(1)\n" + MODEL + TRAIN,
        HEAD + "np.random.seed(1)\nx = np.random.rand(3)\n",
        # Keras 2 drew from TensorFlow's seed
        "from keras.layers.core import Dense\n" + HEAD + "tf.random.set_seed(1)\n" + MODEL + TRAIN,
    ],
    "WD103": [
        HEAD + SEED + MODEL + SEED + TRAIN,
        HEAD + MAKE + SEED + "model = make()\nmodel.fit(x, y)\n",
        HEAD + MODEL + "model.summary()\n" + SEED + MODEL + TRAIN,  # the one that is trained
    ],
    "WD104": [
        HEAD + SEED + MAKE + "a = make()\nb = make()\nb.set_weights(a.get_weights())\n"
        "a.fit(x, y)\nb.fit(x, y)\n",
        HEAD + SEED + MAKE + "a = make()\nfor n in range(3):\n    b = make()\n"
        "    b.set_weights(a.get_weights())\n    b.fit(x, y)\n",
        HEAD + SEED + MAKE + "a = make()\na.fit(x, y)\n",
        HEAD + MAKE + "for n in range(3):\n    keras.utils.set_random_seed(n)\n"
        "    make().fit(x, y)\n",
        HEAD + SEED + MAKE + "if deep:\n    a = make()\nelse:\n    a = make()\na.fit(x, y)\n",
        HEAD + SEED + "for train, test in KFold(5).split(x):\n    model = keras.Sequential([])\n"
        '    model.compile("adam", "mse")\n    model.fit(x[train], y[train])\n',
    ],
    "WD105": [
        "import numpy as np\nrng = np.random.default_rng(seed)\n",
        "import numpy as np\nrng = np.random.default_rng([1, 2])\n",
        "rng = mine.default_rng()\n",
    ],
    "WD106": [
        "import time\nstart = time.time()\n",
        "import keras, os\nkeras.utils.set_random_seed(int(os.environ['SEED']))\n",
    ],
    "WD107": [
        HEAD + SEED + "x = np.random.rand(3)\n" + MODEL + TRAIN,
        "import numpy as np\nx = np.random.default_rng(1).normal(size=3)\n",
        "from sklearn.model_selection import train_test_split\n"
        "a, b = train_test_split(x, random_state=0)\n",
        "from sklearn.model_selection import KFold\nfolds = KFold(5)\n",
        HEAD + SEED + MODEL + TRAIN + "print(np.random.choice(x))\n",
        "import random, time\ntime.sleep(random.uniform(0.1, 0.5))\n",
        "import numpy as np\ndef show(x):\n    i = np.random.choice(len(x))\n    print(x[i])\n"
        "    words = []\n    words.append(decode(x[i]))\n    print(words)\n",
        "import numpy as np\npicked = np.random.randint(0, 9, 4)\nfor i in picked:\n"
        "    plt.imshow(x[i])\n",
        "import numpy as np\nn = np.random.randint(9)\nimage = x[n]\n"
        "guess = model.predict(image[None])\nplt.imshow(image)\nplt.imshow(guess[0])\n",
        "import numpy as np\ndef show(a, b):\n    plt.imshow(a)\n    plt.imshow(b)\n"
        "n = np.random.randint(9)\na, b = x[n], y[n]\nshow(a, b)\n",
    ],
    "WD108": [
        "import keras\nz = keras.initializers.Zeros()\n"
        "a = keras.layers.Dense(3, kernel_initializer=z)"
        "\nb = keras.layers.Dense(3, kernel_initializer=z)\n",
        "import keras\ni = keras.initializers.HeNormal()\n"
        "a = keras.layers.Dense(3, kernel_initializer=i)\n",
        'import keras\na = keras.layers.Dense(3, kernel_initializer="he_normal")\n'
        'b = keras.layers.Dense(3, kernel_initializer="he_normal")\n',
    ],
    "WD109": [
        "import keras\nema = keras.models.clone_model(m)\n"
        "for a, b in zip(m.weights, ema.weights):\n    b.assign(a)\n",
        "import keras\ndef twin(m):\n    c = keras.models.clone_model(m)\n    return c\n"
        "t = twin(m)\nt.set_weights(m.get_weights())\n",
        "import keras\nclone = keras.models.clone_model(m)\nclone.load_weights('w.h5')\n",
        "import keras\nq = keras.models.clone_model(m, clone_function=compress)\nq.fit(x)\n",
        "import keras\nbase = keras.Sequential([keras.layers.Dense(3)])\n"
        "def fresh():\n    m = keras.models.clone_model(base)\n    return m\n",
    ],
    "WD201": [
        HEAD + SEED + "ds = tf.data.Dataset.range(9).shuffle(9)\n",
        HEAD + "tf.random.set_seed(2)\nds = tf.data.Dataset.range(9).shuffle(9)\n",
        "import random\nimport tensorflow as tf\nrandom.shuffle(files)\n",
        "import numpy as np\nrng = np.random.default_rng(1)\nrng.shuffle(x)\n",
        HEAD + "ds = tf.data.Dataset.range(9).shuffle(9, 5)\n",
    ],
    "WD202": [
        HEAD + "ds = ds.map(f, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)\n",
        HEAD + "options.deterministic = True\n",
    ],
    "WD203": [
        HEAD + "ds = ds.map(lambda x: x + tf.random.normal([2]))\n",
        HEAD + "ds = ds.map(lambda x: tf.image.resize(x, [2, 2]), num_parallel_calls=4)\n",
        HEAD + "ds = ds.map(lambda x, s: (x, tf.random.split(s)), num_parallel_calls=4)\n",
    ],
    "WD204": [
        "import os\nnames = [d + n for n in os.listdir(d)]\nif names:\n"
        "    last = max(names, key=os.path.getctime)\n",
        "import os\nnames = os.listdir(d)\nprint(names[:3])\nnames = sorted(names)\nuse(names)\n",
        "import os\nlast = max(os.listdir('.'), key=os.path.getctime)\n",
        "import glob, os\nnames = glob.glob('*')\nlast = max(names, key=os.path.getctime)\n",
        "import os\nprint(len(os.listdir('.')))\n",
        "import os\nfiles = os.listdir('.')\nfiles.sort()\nfor f in files:\n    rows.append(f)\n",
        "import os\nfor f in os.listdir('.'):\n    os.remove(f)\n",
        "import os\nif 'a' in os.listdir('.'):\n    pass\n",
        "import os\nnames = os.listdir('.')\nprint(len(names))\n",
        "import os\nos.listdir(d)\n",  # what the last line of a notebook's cell shows
        "from pathlib import Path\nroses = list(Path(d).glob('roses/*'))\n"
        "PIL.Image.open(str(roses[0]))\n",
        "from pathlib import Path\nv = load(next(Path(d).glob('*.avi')), 50)\nto_gif(v)\n",
        "import os\ntable = {name: load(name) for name in os.listdir('d')}\nx = table['a.npy']\n",
        "import os\nfrom natsort import natsorted\nfiles = natsorted(os.listdir('d'))\n",
        "import glob\nfor d in glob.glob('images/train'):\n    rows.append(d)\n",
    ],
    "WD205": [
        HEAD + SEED + MODEL + TRAIN + "movies = list(set(names))\nrecommend(movies)\n",
        "print(list(set(names)), ', '.join(set(names)))\n",
        "chars = sorted(list(set(text)))\n",
        "n = len(set(words))\n",
        "urls = list(set(found))\nurls.sort(key=len)\nfor url in urls:\n    rows.append(url)\n",
        "if word in {'a', 'b'}:\n    pass\n",
        "for n in {1, 2, 3}:\n    rows.append(n)\n",
        "seen = set()\nfor w in words:\n    seen.add(w)\n",
    ],
    "WD206": [
        "import keras\nimport numpy as np\nclass A(keras.utils.PyDataset):\n"
        "    def __getitem__(self, i):\n        return np.random.rand(3)\nd = A(workers=1)\n",
        "import keras\nclass A(keras.utils.PyDataset):\n    def __getitem__(self, i):\n"
        "        return self.x[i]\nd = A(workers=4)\n",
    ],
    "WD207": [
        HEAD
        + "from sklearn.datasets import load_digits\nx, y = load_digits(return_X_y=True)\n"
        + SEED
        + MODEL
        + 'model.compile("adam", "mse")\nmodel.fit(x, y, validation_split=0.2)\n',
        HEAD
        + "from sklearn.datasets import load_iris\nx, y = load_iris(return_X_y=True)\n"
        + SEED
        + MODEL
        + TRAIN,
    ],
    "WD208": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9).shuffle(9, 1)\n"
        "labels = [y for y in ds]\nmodel.predict(ds)\n",
        HEAD + "ds = tf.data.Dataset.range(9).shuffle(9, 1, reshuffle_each_iteration=False)\n"
        "labels = [y for y in ds]\nguesses = model.predict(ds)\n",
        HEAD + "ds = tf.data.Dataset.range(9).shuffle(9, 1)\nguesses = model.predict(ds)\n",
    ],
    "WD301": [
        "import keras\nlayers = [keras.layers.Dense(8)]\nmodel = keras.Sequential(layers)\n",
        "import keras\nfor units in (1, 2):\n    layers = [keras.layers.Dense(units)]\n"
        "    model = keras.Sequential(layers)\n    model.fit(x, y)\n",
        "import keras\nencoder = keras.layers.Dense(8)\na = encoder(i)\nb = encoder(j)\n"
        "model = keras.Model([i, j], a + b)\nmodel.fit(x, y)\n",
    ],
    "WD302": [
        'import keras\nadam = keras.optimizers.Adam()\na.compile(adam, "mse")\na.fit(x, y)\n',
        'a.compile("adam", "mse")\nb.compile("adam", "mse")\n',
        "import keras\nfor m in models:\n    adam = keras.optimizers.Adam()\n"
        '    m.compile(adam, "mse")\n',
    ],
    "WD303": [
        HEAD + SEED + MODEL + "for epoch in range(9):\n    model.fit(x, y)\n",
        HEAD + MAKE + "for train, test in folds.split(x):\n    keras.utils.set_random_seed(1)\n"
        "    model = make()\n    model.fit(x[train], y[train])\n",
        HEAD + SEED + MAKE + "model = make()\nstart = model.get_weights()\n"
        "for train, test in folds.split(x):\n    model.set_weights(start)\n"
        '    model.compile("adam", "mse")\n    model.fit(x[train], y[train])\n',
    ],
    "WD304": [
        "import keras\nb.set_weights(a.get_weights())\na.fit(x, y)\nb.fit(x, y)\n",
        "import keras\nbest = model.get_weights()\nmodel.fit(x, y)\nmodel.set_weights(best)\n",
    ],
    "WD305": [
        'import keras\nmodel = keras.models.load_model("a")\nmodel.compile("adam", "mse")\n'
        "model.fit(x, y)\n",
        'import keras\nmodel = keras.models.load_model("a")\nmodel.fit(x, y, initial_epoch=3)\n',
    ],
    "WD401": [
        "import keras\nx = keras.layers.Dense(3, activation='softmax')(i)\n"
        "x = keras.layers.Dense(3)(x)\nmodel = keras.Model(i, x)\n"
        "model.compile('adam', keras.losses.CategoricalCrossentropy(from_logits=True))\n",
        "import keras\n"
        "model = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
        "model.compile('adam', 'mse')\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"
        "model.compile('adam', keras.losses.CategoricalCrossentropy(from_logits=True))\n",
        'import keras\nmodel = keras.Sequential([keras.layers.Dense(3, activation="softmax")])\n'
        'model.compile("adam", "sparse_categorical_crossentropy")\n',
        'import keras\nmodel = keras.Sequential([keras.layers.Dense(9, activation="sigmoid"), '
        "keras.layers.Dense(3)])\n"
        'model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))\n',
    ],
    "WD402": [
        "import keras\nclass A(keras.Model):\n    def train_step(self, d):\n"
        "        return self(d, training=True)\n    def test_step(self, d):\n"
        "        return self(d)\n",
        "class A(Base):\n    def train_step(self, d):\n        return self(d)\n",
    ],
    "WD403": [
        "import keras\n"
        "other = keras.Sequential([keras.layers.Dense(3, kernel_regularizer='l2')])\n"
        "class A(keras.Model):\n    def train_step(self, d):\n"
        "        return f(self(d, training=True))\na = A(net)\n",
        "import keras\nclass A(keras.Model):\n    def train_step(self, d):\n"
        "        y = self(d, training=True)\n        return loss(y)\n",
    ],
    "WD404": [
        "from keras import ops\ndef f(y_true, y_pred):\n"
        "    return ops.squeeze(y_true, -1) - ops.squeeze(y_pred, -1)\n",
        "def f(y_true, y_pred):\n    return y_true[:, 0] - y_pred[:, 0]\n",
    ],
    "WD405": [
        "import keras\no = keras.optimizers.Adadelta(0.5)\n",
        "import keras\no = keras.optimizers.Adam()\n",
    ],
    "WD501": ["import os\nseed = os.environ['PYTHONHASHSEED']\n"],
    "WD502": [
        'import os\nimport keras\nos.environ["CUDA_VISIBLE_DEVICES"] = "0"\n',
        'import os, subprocess, keras\nos.environ["KERAS_BACKEND"] = "jax"\n'
        'subprocess.run(["a"])\n',
        'import os\nos.environ["KERAS_BACKEND"] = "jax"\nfrom keras import layers\n',
        'import os\nos.environ["KERAS_BACKEND"] = "jax"\nimport keras\n'
        'os.environ["KERAS_BACKEND"] = "jax"\nimport keras_hub\n',
        # read when the first operation asks for it
        "import os\nimport tensorflow as tf\nos.environ['TF_DETERMINISTIC_OPS'] = '1'\n",
    ],
    "WD503": ["import torch\ntorch.backends.cudnn.deterministic = True\n"],
    "WD504": [
        "import torch\ntorch.backends.cuda.matmul.allow_tf32 = False\n",
        "import torch\ntorch.set_float32_matmul_precision(wanted)\n",
    ],
    "WD110": [
        "from sklearn.model_selection import cross_val_score\ncross_val_score(tree, x, y)\n",
        "import keras\nfrom scikeras.wrappers import KerasClassifier\n"
        "from sklearn.model_selection import cross_val_score\ndef build():\n"
        "    keras.utils.set_random_seed(1)\ncross_val_score(KerasClassifier(build), x, y)\n",
    ],
    "WD209": [
        "def f(x):\n    while True:\n        i = 0\n        while i < len(x):\n"
        "            yield x[i]\n            i += 1\n",
        "def f(x):\n    i = 0\n    while True:\n        yield x[i]\n        i += 1\n",
        "while True:\n    n = 0\n    n += 1\n    use(n)\n",
        "def g(x, n):\n    while True:\n        i = 0\n        while i < len(x):\n"
        "            yield x[i : i + n]\n            i += n\n",
    ],
    "WD210": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9).shuffle(9, 1)\n"
        "train = ds.skip(2)\nshow(train.take(1))\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\nds = ds.shuffle(9, 1)\n"
        "ds.take(1)\nshow(ds.take(2))\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "a = ds.take(3).shuffle(9, 1)\nb = ds.skip(3)\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "ds = ds.shuffle(9, 1, False)\na, b = ds.take(3), ds.skip(3)\n",
    ],
    "WD211": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "ds = ds.map(lambda x: x / 255).cache()\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "ds = ds.cache().map(lambda x: x + tf.random.normal([1]))\n",
    ],
    "WD212": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "ds = ds.batch(2).unbatch().shuffle(9, 1)\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"
        "ds = ds.shuffle(9, 1).batch(2).shuffle(9, 1)\n",
        "train = make().batch(2)\ntrain, test = load()\ntrain = train.shuffle(9, 1).batch(2)\n",
        "import tensorflow as tf\nseqs = tf.data.Dataset.range(99).batch(11).map(cut)\n"
        "ds = seqs.shuffle(9, 1).batch(4)\n",
        "import tensorflow as tf\nsize = 1\nds = tf.data.Dataset.range(9).batch(size)\n"
        "ds = ds.shuffle(9, seed=1)\n",
    ],
    "WD213": [
        "rows.map(f)\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\nfor x in ds.take(1):\n"
        "    print(x)\n",
    ],
    "WD306": [
        "import keras\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)\n"
        "base.trainable = False\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)\n",
        "import keras\nmodel.compile('adam', 'mse')\nother.trainable = False\nmodel.fit(x, y)\n",
        "import keras\nd.compile('adam', 'mse')\ng.compile('adam', 'mse')\nfor x in data:\n"
        "    d.trainable = True\n    d.train_on_batch(x, y)\n    d.trainable = False\n"
        "    g.train_on_batch(x, y)\n",
    ],
    "WD406": [
        "import keras\nimport numpy as np\nclass A(keras.layers.Layer):\n"
        "    def build(self, s):\n        self.w = np.random.normal(size=3)\n"
        "    def call(self, x):\n        return x + self.w\n",
    ],
    "WD407": [
        "import keras\nclass A(keras.Model):\n    def train_step(self, d):\n"
        "        self.optimizer.zero_grad()\n"
        "        loss(self(d, training=True)).backward()\n",
        "import keras\nclass A(keras.Model):\n    def train_step(self, d):\n"
        "        for v in self.trainable_weights:\n            v.value.grad = None\n"
        "        loss(self(d, training=True)).backward()\n",
        "import keras\nfor i in range(8):\n    f(net(x)).backward()\n    if i % 4 == 3:\n"
        "        opt.step()\n        net.zero_grad()\n",
    ],
}

#: rule id -> further scripts in which it must speak up
WRONG = {
    "WD101": [
        "import keras\nimport tensorflow as tf\n"
        "m = keras.Sequential([keras.layers.Dense(3)])\nfor x in d:\n"
        "    o.apply_gradients(zip(g, m.trainable_variables))\n",
        HEAD + "from tensorflow.keras import layers, models\n"
        "m = models.Sequential([layers.Dense(3)])\nm.compile('adam', 'mse')\nm.fit(x, y)\n",
        HEAD + "class Net(keras.Model):\n    pass\nnet = Net()\nnet.fit(x, y)\n",
    ],
    "WD102": [HEAD + "tf.random.set_seed(1)\n" + MODEL + TRAIN],
    "WD104": [
        HEAD + SEED + MAKE + "for n in range(3):\n    make().fit(x, y)\n",
        HEAD + SEED + MAKE + "a, b = make(), make()\na.fit(x, y)\nb.fit(x, y)\n",
        HEAD + SEED + "for n in range(3):\n    m = keras.Sequential([])\n    m.fit(x, y)\n",
    ],
    "WD105": [
        "from numpy.random import default_rng\nrng = default_rng()\n",
        "import random\nr = random.Random()\n",
        "import numpy as np\nr = np.random.RandomState(None)\n",
    ],
    "WD106": [
        "import os, numpy as np\nseed = os.getpid()\nnp.random.seed(seed)\n",
        "import keras\nkeras.utils.set_random_seed(abs(hash('digits')) % 1000)\n",
    ],
    "WD107": [
        "from sklearn.model_selection import train_test_split\na, b = train_test_split(x)\n",
        "import random\nrandom.shuffle(files)\n",
        "import numpy as np\ndef batch(x):\n    i = np.random.choice(len(x))\n    print(i)\n"
        "    return x[i]\n",
        "import numpy as np\ni = np.random.randint(0, 9, 4)\nprint(i)\nmodel.fit(x[i])\n",
        "import numpy as np\ndef walks(x):\n    with open('w') as f:\n        print(len(x))\n"
        "        f.write(str(np.random.choice(x)))\n",
        "import numpy as np\nn = np.random.randint(9)\nimage = x[n]\nplt.imshow(image)\n"
        "model.fit(image[None], y[n])\n",
    ],
    "WD108": [
        "import keras\ni = keras.initializers.HeNormal()\nlayers = []\nfor n in (8, 8):\n"
        "    layers.append(keras.layers.Dense(n, kernel_initializer=i))\n",
    ],
    "WD201": [
        HEAD + "ds = tf.data.Dataset.range(9)\nds = ds.shuffle(9, seed=None)\n",
        "import tensorflow_datasets as tfds\nds = tfds.load('mnist')\nds = ds.shuffle(100)\n",
    ],
    "WD204": [
        "import os\nnames = os.listdir(d)\nuse(names)\nnames = 1\n",
        "import os\nfor d in ds:\n    names = os.listdir(d)\n    use(names)\n",
        "from pathlib import Path\nfiles = list(Path('.').glob('*.png'))\nuse(files)\n",
        "import os\nfor f in os.listdir('.'):\n    rows.append(f)\n",
        "import os\ntable = {n: load(n) for n in os.listdir('d')}\nx = list(table.values())\n",
    ],
    "WD205": [
        "print(len(fit(list(set(names)))), train(list(set(names))))\n",
        "words = set(text)\nfirst = list(words)\nprint(first)\nuse(first)\n",
        "labels = list(set(names))\n",
        "for name in {'a', 'b'}:\n    rows.append(name)\n",
    ],
    "WD303": [
        HEAD + SEED + MAKE + "model = make()\nfor train, test in folds.split(x):\n"
        "    model.fit(x[train], y[train])\n",
    ],
    "WD401": [
        "import keras\ni = keras.Input((4,))\no = keras.layers.Dense(1, activation='sigmoid')(i)\n"
        "m = keras.Model(i, o)\n"
        "m.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))\n",
        "import keras\nm = keras.Sequential()\nm.add(keras.layers.Dense(3))\n"
        "m.add(keras.layers.Softmax())\n"
        "m.compile('adam', loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n",
        "import keras\nloss = keras.losses.CategoricalCrossentropy(from_logits=True)\n"
        "def build():\n    m = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
        "    return m\nm = build()\nm.compile('adam', loss)\n",
    ],
    "WD405": ["import keras\nmodel.compile(optimizer='adadelta', loss='mse')\n"],
    "WD502": ['import numpy as np\nimport os\nos.environ["OMP_NUM_THREADS"] = "1"\n'],
    "WD504": ["import torch\ntorch.backends.cudnn.allow_tf32 = True\n"],
    "WD109": [
        "import keras\nc = keras.models.clone_model(m)\nother.load_weights('w.h5')\nc.fit(x)\n",
    ],
    "WD211": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\ndef f(x):\n"
        "    return x + tf.random.normal([1])\nds = ds.map(f)\nds = ds.cache()\n",
    ],
    "WD212": [
        "import tensorflow as tf\nds = tf.data.Dataset.range(9)\nds = ds.batch(2)\n"
        "ds = ds.shuffle(9, seed=1)\n",
    ],
    "WD306": [
        "import keras\nmodel = keras.Sequential([base])\nmodel.compile('adam', 'mse')\n"
        "base.trainable = False\nmodel.fit(x, y)\n",
        "import keras\nmodel.compile('adam', 'mse')\nfor layer in model.layers:\n"
        "    layer.trainable = False\nmodel.fit(x, y)\n",
        "import keras\nm = keras.Sequential([base])\nm.compile('adam', 'mse')\n"
        "for layer in base.layers[-10:]:\n    layer.trainable = False\nm.fit(x, y)\n",
    ],
    "WD209": [
        "def g(x, n):\n    while True:\n        start = 0\n        end = start + n\n"
        "        yield x[start:end]\n        start = end\n",
    ],
    "WD407": [
        "import keras\nclass A(keras.Model):\n    def train_step(self, d):\n"
        "        loss(self(d, training=True)).backward()\n"
        "        self.optimizer.apply([v.value.grad for v in self.trainable_weights])\n",
        "import keras\nfor i in range(5):\n    f(net(x)).backward()\n    opt.step()\n",
    ],
}
