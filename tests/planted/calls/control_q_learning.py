"""An agent that asks its model of states and of the next states while it learns."""

import random
from collections import deque

import keras
import numpy as np

keras.utils.set_random_seed(3)
SIZE = 5


class Agent:
    def __init__(self):
        self.memory = deque(maxlen=50)
        self.model = keras.Sequential(
            [keras.Input((SIZE,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)]
        )
        self.model.compile(keras.optimizers.Adam(0.01), "mse")

    def act(self, state):
        if random.random() < 0.5:
            return random.randrange(2)
        return int(np.argmax(self.model.predict(state[None], verbose=0)[0]))

    def learn(self):
        batch = random.sample(list(self.memory), 8)
        states, nexts = np.array([b[0] for b in batch]), np.array([b[3] for b in batch])
        targets = self.model.predict(states, verbose=0)
        future = self.model.predict(nexts, verbose=0)
        for row, (_, action, reward, _) in enumerate(batch):
            targets[row, action] = reward + 0.9 * future[row].max()
        return self.model.train_on_batch(states, targets)


agent, place = Agent(), 1
for _ in range(14):
    state = np.eye(SIZE, dtype="float32")[place]
    action = agent.act(state)
    place = (place + (1 if action else SIZE - 1)) % SIZE
    agent.memory.append((state, action, float(place == 0), np.eye(SIZE, dtype="float32")[place]))
    if len(agent.memory) >= 8:
        print("loss", agent.learn())
