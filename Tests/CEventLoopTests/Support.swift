// What the tests of the C event loop share: a loop over the scripted table, pipes, and names.

import CEventLoop
import CEventLoopTestSupport
import Glibc

extension script_call {
    /// Every call that the script knows.
    static var all: [script_call] { (0..<SCRIPT_CALLS.rawValue).map(script_call.init(rawValue:)) }
}

/// A completion, as a value that prints and compares well.
enum Completion: Equatable {
    case timer(UInt64)
    case ready(UInt64, events: Int)
    case wakeup

    init(_ raw: cel_completion) {
        switch raw.kind {
        case UInt32(CEL_KIND_TIMER.rawValue): self = .timer(raw.user)
        case UInt32(CEL_KIND_READY.rawValue): self = .ready(raw.user, events: Int(raw.events))
        default: self = .wakeup
        }
    }
}

/// Readiness, as Swift sees the constants of the C enumeration.
enum Events {
    static let readable = CEL_READABLE
    static let writable = CEL_WRITABLE
    static let readClosed = CEL_READ_CLOSED
    static let hangUp = CEL_HANG_UP
    static let error = CEL_ERROR
}

/// A loop whose system calls follow the script of the calling thread. Not to be passed to another
/// thread, except for `wakeup`.
final class TestLoop {
    let raw: OpaquePointer

    /// Makes a loop after a reset of the script. With `clock`, time is a fake that starts there.
    init(clock: UInt64? = nil, firstGeneration: UInt32 = 0) throws {
        script_reset()
        if let clock { script_set_clock(clock) }
        var options = cel_options(sys: script_sys(), first_generation: firstGeneration)
        var made: OpaquePointer?
        let result = cel_loop_create(&options, &made)
        guard result == 0, let made else { throw Failure(error: -result) }
        raw = made
    }

    deinit { _ = cel_loop_destroy(raw) }

    struct Failure: Error, Equatable {
        let error: CInt
    }

    /// One turn.
    func poll(wait: Bool = false, capacity: Int = 64) throws -> [Completion] {
        try pollRaw(wait: wait, capacity: capacity).map(Completion.init)
    }

    func pollRaw(wait: Bool = false, capacity: Int = 64) throws -> [cel_completion] {
        var batch = [cel_completion](repeating: cel_completion(), count: capacity)
        let count = cel_loop_poll(raw, wait, &batch, UInt32(capacity))
        if count < 0 { throw Failure(error: -count) }
        return Array(batch[..<Int(count)])
    }

    /// Turns until one delivers nothing.
    func pollUntilIdle(capacity: Int = 64) throws -> [Completion] {
        var all: [Completion] = []
        while true {
            let batch = try poll(capacity: capacity)
            if batch.isEmpty { return all }
            all += batch
        }
    }

    func addTimer(_ deadline: UInt64, user: UInt64 = 0) throws -> cel_token {
        var token: cel_token = 0
        let result = cel_timer_add(raw, deadline, user, &token)
        if result < 0 { throw Failure(error: -result) }
        return token
    }

    func register(_ fd: CInt, _ mode: cel_mode = CEL_MODE_EDGE, user: UInt64 = 0) throws
        -> cel_token
    {
        var token: cel_token = 0
        let result = cel_fd_register(raw, fd, mode, user, &token)
        if result < 0 { throw Failure(error: -result) }
        return token
    }

    func rearm(_ token: cel_token, _ interest: Int) -> CInt {
        cel_fd_rearm(raw, token, UInt32(interest))
    }

    var statistics: cel_statistics {
        var out = cel_statistics()
        cel_loop_statistics(raw, &out)
        return out
    }
}

/// Two connected descriptors that close themselves, past the scripted table. An array of them ends
/// after its last use, not with its scope: such a test extends its life.
final class Pair {
    private(set) var near: CInt = -1
    private(set) var far: CInt = -1

    enum Kind { case pipe, socket }

    /// A pipe (near reads, far writes) or a pair of sockets.
    init(_ kind: Kind = .socket) {
        var ends: [CInt] = [-1, -1]
        switch kind {
        case .pipe: precondition(script_pipe(&ends) == 0)
        case .socket:
            let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
            precondition(socketpair(AF_UNIX, type, 0, &ends) == 0)
        }
        (near, far) = (ends[0], ends[1])
    }

    func closeNear() {
        if near >= 0 { close(near) }
        near = -1
    }

    func closeFar() {
        if far >= 0 { close(far) }
        far = -1
    }

    deinit {
        closeNear()
        closeFar()
    }

    /// Writes one byte at the far end.
    func send() { precondition(write(far, "x", 1) == 1) }

    /// Reads at the near end until there is no more.
    func drain() {
        var byte: UInt8 = 0
        while read(near, &byte, 1) > 0 {}
    }
}

/// A new descriptor that is always readable, or never.
func makeEvent(readable: Bool) -> CInt {
    let fd = script_event(readable)
    precondition(fd >= 0)
    return fd
}

/// A small generator with a seed, so that a random test is the same each time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Runs `body` on a new thread. The result waits for its end.
func startThread(_ body: @escaping @Sendable () -> Void) -> () -> Void {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body)).toOpaque()
    let made = pthread_create(
        &thread, nil,
        { raw in
            if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
            return nil
        }, box)
    precondition(made == 0)
    return { pthread_join(thread, nil) }
}

/// A pointer that its user promises to use as the C header allows.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
}
