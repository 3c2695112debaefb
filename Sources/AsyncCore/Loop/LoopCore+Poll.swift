// A turn's question to the kernel.

extension LoopCore {
    /// Asks the kernel once, tells watches and timers, and receives for the readers that wake.
    ///
    /// - Returns: how many things were reported, a wake-up included.
    func poll(wait: Bool) -> Int { poller.poll(wait: wait, watches: DescriptorWatch.self) }

    /// The same, waiting for no more than so much real time.
    ///
    /// Precondition: the clock is stopped.
    func poll(waitingAtMost nanoseconds: UInt64) -> Int {
        poller.poll(waitingAtMost: nanoseconds, watches: DescriptorWatch.self)
    }

    /// Asks without waiting, if there is anything to ask.
    ///
    /// - Parameter always: Whether to ask even if nothing is registered.
    func pollWithoutWaiting(always: Bool) {
        // With nothing registered and no deadline there is nothing to ask: what other threads send
        // is seen in the inbox.
        if !always && poller.watchCount == 0 && poller.nextDeadline == nil {
            // Nobody looks at the clock then, for as long as the loop finds something to run.
            if counters.turns & 63 == 0 { waitBook.now = poller.now }
            return
        }
        _ = poll(wait: false)
    }
}
