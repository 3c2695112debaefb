import CEventLoop
import CEventLoopTestSupport
import Glibc
import Synchronization

@testable import AsyncCore

/// A kernel that moves few bytes at a time, and often says that it would block.
///
/// As the real one does after a short transfer, it reports the descriptor anew when there is more:
/// `EPOLL_CTL_MOD` makes the kernel look again, and gives a new edge.
enum ShortTransfers {
    /// How many bytes a call moves at most.
    enum Rule: Sendable {
        case oneByte
        case oneByteOrNothing
        case few

        /// For the call with this number; 0 means EAGAIN.
        func limit(_ number: UInt64) -> Int {
            switch self {
            case .oneByte: 1
            case .oneByteOrNothing: number % 2 == 0 ? 0 : 1
            case .few: Int(number &* 2_654_435_761 >> 9 % 8)
            }
        }

        var calls: SystemCalls {
            switch self {
            case .oneByte: ShortTransfers.oneByte
            case .oneByteOrNothing: ShortTransfers.oneByteOrNothing
            case .few: ShortTransfers.few
            }
        }
    }

    private static let oneByte = table {
        $0.recv = { ShortTransfers.receive(.oneByte, $0, $1, $2, $3) }
        $0.send = { ShortTransfers.send(.oneByte, $0, $1, $2, $3) }
        $0.sendmsg = { ShortTransfers.sendPieces(.oneByte, $0, $1, $2) }
        $0.recvmsg = { ShortTransfers.receiveMessage(.oneByte, $0, $1, $2) }
    }
    private static let oneByteOrNothing = table {
        $0.recv = { ShortTransfers.receive(.oneByteOrNothing, $0, $1, $2, $3) }
        $0.send = { ShortTransfers.send(.oneByteOrNothing, $0, $1, $2, $3) }
        $0.sendmsg = { ShortTransfers.sendPieces(.oneByteOrNothing, $0, $1, $2) }
        $0.recvmsg = { ShortTransfers.receiveMessage(.oneByteOrNothing, $0, $1, $2) }
    }
    private static let few = table {
        $0.recv = { ShortTransfers.receive(.few, $0, $1, $2, $3) }
        $0.send = { ShortTransfers.send(.few, $0, $1, $2, $3) }
        $0.sendmsg = { ShortTransfers.sendPieces(.few, $0, $1, $2) }
        $0.recvmsg = { ShortTransfers.receiveMessage(.few, $0, $1, $2) }
    }

    private static func table(_ change: (inout cel_sys) -> Void) -> SystemCalls {
        .scripted {
            $0.epoll_ctl = { ShortTransfers.control($0, $1, $2, $3) }
            change(&$0)
        }
    }

    private struct Registration: @unchecked Sendable {
        let epoll: CInt
        let event: epoll_event
    }

    /// The registrations by descriptor, of all loops that use these tables.
    private static let registrations = Guarded<[CInt: Registration]>([:])
    private static let number = Atomic<UInt64>(0)

    private static func control(
        _ epoll: CInt, _ operation: CInt, _ descriptor: CInt,
        _ event: UnsafeMutablePointer<epoll_event>?
    ) -> CInt {
        registrations.withLock {
            $0[descriptor] = event.map { Registration(epoll: epoll, event: $0.pointee) }
        }
        return script_sys().pointee.epoll_ctl(epoll, operation, descriptor, event)
    }

    /// How much this call may move; announces that there is more.
    private static func limit(_ rule: Rule, _ descriptor: CInt, _ count: Int) -> Int {
        let limit = rule.limit(number.wrappingAdd(1, ordering: .relaxed).newValue)
        guard limit < count, let known = registrations.withLock({ $0[descriptor] }) else {
            return count
        }
        var event = known.event
        _ = cel_sys_default().pointee.epoll_ctl(known.epoll, EPOLL_CTL_MOD, descriptor, &event)
        return limit
    }

    private static func receive(
        _ rule: Rule, _ descriptor: CInt, _ buffer: UnsafeMutableRawPointer, _ count: Int,
        _ flags: CInt
    ) -> Int {
        let limit = limit(rule, descriptor, count)
        if limit == 0 { return wouldBlock() }
        return script_sys().pointee.recv(descriptor, buffer, limit, flags)
    }

    private static func send(
        _ rule: Rule, _ descriptor: CInt, _ buffer: UnsafeRawPointer, _ count: Int, _ flags: CInt
    ) -> Int {
        let limit = limit(rule, descriptor, count)
        if limit == 0 { return wouldBlock() }
        return script_sys().pointee.send(descriptor, buffer, limit, flags)
    }

    private static func sendPieces(
        _ rule: Rule, _ descriptor: CInt, _ message: UnsafePointer<msghdr>, _ flags: CInt
    ) -> Int {
        let pieces = UnsafeBufferPointer(
            start: message.pointee.msg_iov, count: message.pointee.msg_iovlen)
        let bytes = pieces.flatMap {
            Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
        }
        let limit = limit(rule, descriptor, bytes.count)
        if limit == 0 { return wouldBlock() }
        return script_sys().pointee.send(descriptor, bytes, limit, flags)
    }

    private static func receiveMessage(
        _ rule: Rule, _ descriptor: CInt, _ message: UnsafeMutablePointer<msghdr>, _ flags: CInt
    ) -> Int {
        let whole = message.pointee.msg_iov[0].iov_len
        let limit = limit(rule, descriptor, whole)
        if limit == 0 { return wouldBlock() }
        message.pointee.msg_iov[0].iov_len = limit
        return script_sys().pointee.recvmsg(descriptor, message, flags)
    }

    private static func wouldBlock() -> Int {
        script_set_errno(EAGAIN)
        return -1
    }
}
