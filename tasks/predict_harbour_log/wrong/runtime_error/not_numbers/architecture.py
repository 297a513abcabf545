class Model:
    def predict(self):
        return [float("nan")] * 256

    def update(self, byte):
        pass

    def state(self):
        return b""

    def load(self, state):
        pass


def build_model(ctx):
    return Model()
