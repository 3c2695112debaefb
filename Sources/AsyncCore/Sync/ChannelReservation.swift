// Slots of a channel that are promised to somebody.

extension Channel {
    /// Slots that were reserved: into each, one element can be sent without waiting.
    ///
    /// Slots that are not used go back to the channel when the reservation is let go, or by
    /// ``release()``. A reservation is good also after its sender was closed, and keeps the channel
    /// from ending.
    ///
    /// ## Isolation
    /// *Any task*, and synchronous code.
    public final class Reservation: @unchecked Sendable {
        // SAFETY: `slots` is guarded by the monitor's lock.
        private let monitor: Monitor<ChannelState<Element>>
        private var slots: Int

        init(_ monitor: Monitor<ChannelState<Element>>, _ slots: Int) {
            self.monitor = monitor
            self.slots = slots
        }

        deinit { release() }

        /// How many slots are left.
        public var count: Int { monitor.withLock { _ in slots } }

        /// Sends an element into one of the slots.
        ///
        /// - Parameter element: What to send.
        /// - Throws: ``ChannelError/noReceivers`` if the last receiver is gone.
        /// - Precondition: A slot is left.
        public func send(_ element: Element) throws(ChannelError) {
            try monitor.withLock { state, wakeups throws(ChannelError) in
                precondition(slots > 0, "all slots of a reservation were used")
                slots -= 1
                try state.sendReserved(element, &wakeups)
            }
        }

        /// Gives back the slots that are left.
        public func release() {
            monitor.withLock { state, wakeups in
                if slots == 0 { return }
                state.unreserve(slots, &wakeups)
                slots = 0
            }
        }
    }
}
