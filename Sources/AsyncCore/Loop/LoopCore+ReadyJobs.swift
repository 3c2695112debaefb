// The jobs that are ready to run, for those who look at them or choose among them.

extension LoopCore {
    /// Makes a job ready, on the owner thread.
    @inline(__always)
    func makeReady(_ job: ReadyJob) {
        counters.enqueuedLocally &+= 1
        hot.value.ready.append(job)
    }

    /// Brings the memory of the jobs that run next nearer, while another one runs.
    ///
    /// With thousands of tasks, each is met with cold memory: without this it waits for half a dozen
    /// lines of it, one after the other.
    @inline(__always)
    func prefetchReadyJobs() {
        if hot.value.ready.isEmpty { return }
        RuntimeJob.prefetch(
            hot.value.ready.peek(at: 0), hot.value.ready.peek(at: 1), hot.value.ready.peek(at: 2))
    }

    /// Makes the waiter's task ready at the end of this turn.
    func finishLater(_ waiter: Waiter) { hot.value.deferred.append(waiter) }

    /// Tasks that yielded become ready after the jobs of this turn, and run after the kernel was
    /// asked.
    func takeDeferred() {
        if hot.value.deferred.isEmpty { return }
        for waiter in hot.value.deferred { waiter.resolve(.completed) }
        hot.value.deferred.removeAll(keepingCapacity: true)
    }

    /// Takes a ready job out of turn.
    func takeReady(at index: Int) -> ReadyJob? { hot.value.ready.pop(at: index) }

    func forEachReady(_ body: (ReadyJob) -> Void) { hot.value.ready.forEach(body) }

    var readyCount: Int { hot.value.ready.count }

    var hasReadyJobs: Bool {
        !hot.value.ready.isEmpty || !hot.value.deferred.isEmpty || !hot.value.expired.isEmpty
    }
}
