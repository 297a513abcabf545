"""One pass over the stream: predict, be told, learn."""


def train(ctx):
    model = ctx.model
    while True:
        byte = ctx.reveal(model.predict())
        if byte is None:
            return
        model.update(byte)
