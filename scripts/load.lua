-- The load of `scripts/load` for wrk: uploads that all differ. After `--` come the file with the agent,
-- in which @NAME@ and @NUMBER@ are to be replaced, a number that no other run has, and, for less than
-- the highest rate, how many milliseconds each connection waits between two uploads on average. The waits
-- are random, so that the connections do not fall into step. A connection that waits for an answer sends
-- nothing meanwhile: a server that stands still is seen by each connection once.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(arguments)
  local file = assert(io.open(arguments[1]))
  local agent = file:read("*a")
  file:close()
  seed = arguments[2]
  count = 0
  local name_at, name_end = agent:find("@NAME@", 1, true)
  local number_at, number_end = agent:find("@NUMBER@", 1, true)
  before = agent:sub(1, name_at - 1)
  between = agent:sub(name_end + 1, number_at - 1)
  after = agent:sub(number_end + 1)
  boundary = "portcullisload7d1f"
  local mean = tonumber(arguments[3] or "0")
  if mean > 0 then
    math.randomseed(tonumber(seed) + id)
    function delay()
      return math.floor(2 * mean * math.random() + 0.5)
    end
  end
  headers = { ["content-type"] = "multipart/form-data; boundary=" .. boundary }
end

function request()
  count = count + 1
  -- As many miners as a large competition has.
  local name = "m" .. id .. "x" .. (count % 500)
  local body = table.concat({
    "--", boundary, "\r\ncontent-disposition: form-data; name=\"miner_id\"\r\n\r\n", name,
    "\r\n--", boundary, "\r\ncontent-disposition: form-data; name=\"agent\"; filename=\"agent.py\"\r\n",
    "content-type: text/x-python\r\n\r\n", before, name, between, seed, string.format("%02d%09d", id, count), after,
    "\r\n--", boundary, "--\r\n",
  })
  return wrk.format("POST", "/upload/agent", headers, body)
end

function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  local accepted = summary.requests - summary.errors.status
  io.write(string.format(
    '{"accepted": %d, "failed": %d, "per_second": %.1f, "p50_ms": %.1f, "p99_ms": %.1f, "max_ms": %.1f}\n',
    accepted, failed, accepted / (summary.duration / 1e6), latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000))
end
