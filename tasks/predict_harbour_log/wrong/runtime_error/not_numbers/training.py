def train(ctx):
    while (byte := ctx.reveal(ctx.model.predict())) is not None:
        ctx.model.update(byte)
