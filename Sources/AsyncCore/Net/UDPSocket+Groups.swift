// Multicast groups of a UDP socket.

extension UDPSocket {
    /// Receives what is sent to a multicast group as well.
    ///
    /// - Parameters:
    ///   - group: The group; its port does not matter.
    ///   - interface: The name of the network interface; nil lets the system choose.
    /// - Throws: ``IOError``: `.addressInUse` for a member, `.addressNotAvailable`, `.closed`, or with
    ///   the kernel's number.
    public nonisolated(nonsending) func join(
        _ group: SocketAddress, interface: String? = nil
    ) async throws {
        try await setMembership(group, interface, joins: true, "join \(group.host)")
    }

    /// Receives no more of what is sent to a multicast group.
    ///
    /// - Parameters:
    ///   - group: The group.
    ///   - interface: As when it was joined.
    /// - Throws: ``IOError``: `.addressNotAvailable` for what is no member, `.closed`.
    public nonisolated(nonsending) func leave(
        _ group: SocketAddress, interface: String? = nil
    ) async throws {
        try await setMembership(group, interface, joins: false, "leave \(group.host)")
    }

    private nonisolated(nonsending) func setMembership(
        _ group: SocketAddress, _ interface: String?, joins: Bool, _ operation: String
    ) async throws {
        guard socket.isHome(for: #isolation) else {
            return try await socket.forward {
                try await self.setMembership(group, interface, joins: joins, operation)
            }
        }
        try socket.check(operation)
        do throws(SystemError) {
            try DatagramCalls.setMembership(
                socket.descriptor, of: group, interface: interface, joins: joins, socket.calls)
        } catch {
            throw IOError(error, operation: operation)
        }
    }
}
