-- Nonces of signed requests, kept for as long as their signature would be accepted.
CREATE TABLE nonces (
    hotkey      TEXT COLLATE "C" NOT NULL,
    nonce      TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (hotkey, nonce)
);

CREATE INDEX nonces_expiry ON nonces (expires_at);
