import CBenchSupport
import Glibc

/// A child running a hidden subcommand of this executable, or, by way of `run`, another program.
///
/// Every sample is taken in a fresh one: none inherits another's heap or threads, and one that
/// hangs or crashes costs its own sample only. A child ends in any case: by `end()`, with the
/// thread that started it, or when its lifetime is over.
struct ChildProcess: ~Copyable {
    let pid: pid_t
    private let output: Int32

    /// - Parameters:
    ///   - command: the subcommand and its arguments.
    ///   - lifetime: seconds after which the child is ended in any case.
    ///   - core: the only core it may use; nil = any.
    init(_ command: [String], lifetime: Int, core: Int32?) throws {
        // Right behind the subcommand: what is behind `--` is another program's.
        var arguments = ["asynccore-bench", command[0]]
        arguments += ["--parent", "\(getpid())", "--lifetime", "\(lifetime)"]
        if let core { arguments += ["--core", "\(core)"] }
        arguments += command.dropFirst()

        var strings: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        strings.append(nil)
        defer { for string in strings { free(string) } }
        var pid: pid_t = 0
        var output: Int32 = -1
        try check(bench_spawn_self(strings, &pid, &output), "start a child")
        self.pid = pid
        self.output = output
    }

    /// The child's next line of output.
    func readLine(timeoutMilliseconds: Int) throws -> String {
        var line = [CChar](repeating: 0, count: 1024)
        let length = try check(
            bench_read_line(output, &line, line.count, Int32(timeoutMilliseconds)),
            "read from the child")
        return String(
            decoding: line.prefix(Int(length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        _ = bench_kill_and_reap(pid)
        close(output)
    }
}
