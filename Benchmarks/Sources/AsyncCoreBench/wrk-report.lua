-- Has wrk end with one line for programs, which WrkLoad.swift reads: requests, duration in
-- microseconds, errors of any kind, and three latencies in microseconds.
function done(summary, latency)
    local errors = summary.errors
    print(string.format(
        "report %d %d %d %d %d %d", summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
