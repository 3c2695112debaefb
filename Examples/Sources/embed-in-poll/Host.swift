// What the host program would have anyway: poll(2), a timer, standard input.

import Glibc

/// A failed call of the host's own.
struct HostError: Error, CustomStringConvertible {
    let call: String
    let number = errno

    init(_ call: String) { self.call = call }

    var description: String { "\(call): \(String(cString: strerror(number)))" }
}

/// The first error of a task, kept for the host.
final class Failures: @unchecked Sendable {
    // SAFETY: the tasks run within the host's calls of runReady, so all is on the host's one thread.
    private(set) var first: (any Error)?

    func note(_ error: any Error) {
        if first == nil { first = error }
    }
}

/// Waits until one of the descriptors is readable, has ended or is broken, or the time is over.
///
/// - Returns: For each descriptor, whether it is one of them.
func waitForAny(_ descriptors: Int32..., milliseconds: Int32) throws -> [Bool] {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    if poll(&entries, nfds_t(entries.count), milliseconds) < 0, errno != EINTR {
        throw HostError("poll")
    }
    return entries.map { $0.revents != 0 }
}

/// What standard input has to say; nil at its end.
func readInput() -> String? {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
}

/// The host's own timer: it goes off each second, by the time-out of poll.
struct HostTimer {
    private(set) var beats = 0
    private var next = ContinuousClock.now + .seconds(1)

    /// How long poll may wait, in whole milliseconds: rounded up, or it would wake a little early.
    var milliseconds: Int32 {
        let left = max(next - .now, .zero) / .milliseconds(1)
        return Int32(left.rounded(.up))
    }

    /// Whether it went off since the last call.
    mutating func goesOff() -> Bool {
        if ContinuousClock.now < next { return false }
        next += .seconds(1)
        beats += 1
        return true
    }
}
