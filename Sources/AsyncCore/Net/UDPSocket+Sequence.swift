// The datagrams of a UDP socket as a sequence.

extension UDPSocket: AsyncSequence {
    /// The datagrams as they come, until the socket is closed.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let socket: UDPSocket

        /// Waits for the next datagram; nil once the socket is closed.
        ///
        /// ## Cancellation
        /// As ``UDPSocket/receive(room:)``.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The datagram.
        /// - Throws: As ``UDPSocket/receive(room:)``, but for the end.
        public func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Datagram<SocketAddress>? {
            do {
                return try await socket.receive()
            } catch let error as IOError where error.code == .closed {
                return nil
            }
        }
    }

    /// The datagrams as they come.
    public func makeAsyncIterator() -> Iterator { Iterator(socket: self) }
}
