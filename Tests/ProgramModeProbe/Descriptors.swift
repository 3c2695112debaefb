import AsyncCore
import Glibc

/// What loops do to the descriptors of a process that opens none beside them.
enum Descriptors {
    /// Makes a loop with room for 0, 1, 2 and 3 more descriptors.
    static func useUp() {
        let free = (0..<Int32(1_024)).filter { fcntl($0, F_GETFD) < 0 }
        for left in 0...3 {
            // All numbers below the limit are taken, but for `left` of them.
            var limit = rlimit(rlim_cur: rlim_t(free[left]), rlim_max: 1_024)
            precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let before = open
            var outcome = "made"
            do { _ = try EventLoop() } catch let error as IOError {
                outcome = "error: \(error.code)"
            } catch { outcome = "another error: \(error)" }
            Probe.say("\(left) left", "\(outcome), leaked \(open - before)")
        }
    }

    static func useManyLoops() {
        do {
            let before = open
            for _ in 0..<200 { try useLoop() }
            // The last threads may still be on their way out. If one never gets there, the alarm ends us.
            while open > before { usleep(1_000) }
            Probe.say("leaked", open - before)
        } catch { Probe.say("error", error) }
    }

    private static func useLoop() throws {
        let loop = try EventLoop.start()
        loop.spawn { try await sleep(for: .microseconds(1)) }
        try loop.shutdownAndWait()
    }

    private static var open: Int { (0..<1_024).count { fcntl($0, F_GETFD) >= 0 } }
}
