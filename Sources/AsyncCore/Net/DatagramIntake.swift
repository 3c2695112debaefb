// What a UDP socket knows between two calls that receive, if its options ask for it.

/// Datagrams that came with others and were not asked for yet, and the count of those dropped.
///
/// What is left is bounded: the kernel is asked for ``messages`` messages at most, and only when nothing
/// is left of those before. Whole datagrams are left, as the next call may have more room than the one
/// that they came with.
final class DatagramIntake: @unchecked Sendable {
    // SAFETY: everything but `dropped` is the loop thread's alone.

    /// How many messages, of 64 KiB each at most, one call takes from a kernel that joins datagrams.
    static let messages = 16

    /// How many the kernel has dropped.
    ///
    /// Written on the loop, read anywhere.
    let dropped = Counter()

    /// Whether the kernel joins datagrams.
    private let coalesces: Bool
    /// What is left of the last call, the next one last.
    private var left: [Datagram<SocketAddress>] = []
    /// How many datagrams a message was in the last call, rounded down.
    private var perMessage = 1
    /// The kernel's count, which begins anew after 2^32.
    private var lastDrops: UInt32 = 0

    init(coalesces: Bool) { self.coalesces = coalesces }

    /// Takes the datagrams that are left, up to `count`, cut to `room`.
    func takeLeft(_ count: Int, _ room: Int) -> [Datagram<SocketAddress>]? {
        if left.isEmpty { return nil }
        let taken = left.suffix(count).reversed().map { $0.cut(to: room) }
        left.removeLast(taken.count)
        if left.isEmpty { left = [] }
        return taken
    }

    /// Receives up to `count` datagrams, cut to `room`; nil if there is none.
    func receive(
        _ count: Int, _ room: Int, _ socket: SocketCore
    ) throws(SystemError) -> [Datagram<SocketAddress>]? {
        // So many messages that they give about as many datagrams as are wanted.
        let wanted = coalesces ? min((count - 1) / perMessage + 1, Self.messages) : count
        guard
            let reception: DatagramCalls.Reception<SocketAddress> =
                try DatagramCalls.receiveNoted(
                    socket.descriptor, messages: wanted,
                    space: coalesces ? DatagramCalls.joinedRoom : room, count: count, room: room,
                    socket.core.scratch, socket.calls)
        else { return nil }
        note(drops: reception.drops)
        var datagrams = reception.datagrams
        perMessage = max(datagrams.count / max(reception.messages, 1), 1)
        if datagrams.count > count {
            left = datagrams[count...].reversed()
            datagrams.removeLast(datagrams.count - count)
        }
        return datagrams
    }

    /// Adds what the kernel's count has grown by; 0 is none.
    func note(drops: UInt32) {
        if drops == 0 { return }
        let growth = Int32(bitPattern: drops &- lastDrops)
        // Should two cores have counted in another order than they queued, the next one makes up for it.
        if growth <= 0 { return }
        lastDrops = drops
        dropped.add(Int(growth))
    }
}

extension Datagram {
    /// The datagram with so many of its bytes at most.
    fileprivate func cut(to room: Int) -> Self {
        if bytes.count <= room { return self }
        return Datagram(bytes: Array(bytes.prefix(room)), address: address, size: size)
    }
}

extension SocketCore {
    /// Receives the datagrams that are left or there, at least one; nil if there is none.
    func receiveDatagrams(
        _ count: Int, _ room: Int, _ intake: DatagramIntake
    ) throws(SystemError) -> [Datagram<SocketAddress>]? {
        let count = min(count, DatagramCalls.maximum)
        if let datagrams = intake.takeLeft(count, room) {
            note(datagrams)
            return datagrams
        }
        guard mayReceive else { return nil }
        guard let datagrams = try intake.receive(count, room, self) else {
            clear(.endsReadWait)
            return nil
        }
        note(datagrams)
        return datagrams
    }
}
