import CBenchSupport
import Glibc

/// The machine, as far as it explains figures, and which cores the echo benchmark uses.
struct Machine: Codable, Sendable {
    let processor: String
    let kernel: String
    let cores: [Int32]
    /// The load average of the last minute when the run began.
    let load: Double

    /// Nil where there is only one core: server and load then share it, unpinned.
    var serverCore: Int32? { cores.count > 1 ? cores[0] : nil }
    var loadCore: Int32? { cores.count > 1 ? cores[1] : nil }

    static func current() -> Machine {
        var cores = [Int32](repeating: 0, count: 1024)
        let count = bench_allowed_cores(&cores, Int32(cores.count))
        return Machine(
            processor: processorName(), kernel: kernelRelease(),
            cores: Array(cores.prefix(max(0, Int(count)))), load: loadAverage())
    }

    /// Confines the calling thread to the core of the load while `body` runs.
    func onLoadCore<Result>(_ body: () throws -> Result) throws -> Result {
        guard var core = loadCore else { return try body() }
        try check(bench_confine(&core, 1), "run on core \(core)")
        // Back to every core that was allowed: children started later inherit the set.
        defer { _ = bench_confine(cores, Int32(cores.count)) }
        return try body()
    }

    private static func loadAverage() -> Double {
        var averages = [0.0]
        return getloadavg(&averages, 1) == 1 ? averages[0] : 0
    }

    private static func kernelRelease() -> String {
        var names = utsname()
        guard uname(&names) == 0 else { return "unknown" }
        return withUnsafeBytes(of: names.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The first `model name` of /proc/cpuinfo.
    private static func processorName() -> String {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else {
                continue
            }
            return text[text.index(after: colon)...].split(whereSeparator: \.isWhitespace)
                .joined(separator: " ")
        }
        return "unknown"
    }
}
