// What makes a loop a loop under test: virtual time, a seeded order, and an eye on tasks that wait
// for what cannot come.
//
// Time stands still while anything can run. When nothing can, it jumps to the next deadline, unless
// work elsewhere holds it. When there is no deadline either, the loop has run dry: it says which
// tasks wait for what, and ends them.
internal import Synchronization

/// The state of a simulation.
///
/// Owner thread only, but for ``hold()`` and ``letGo()``.
final class Simulation: @unchecked Sendable {
    // SAFETY: `holds` is atomic; `main` is set before the loop runs; the rest is touched by the
    // thread that runs the loop.

    /// Where virtual time begins, in nanoseconds: not at zero, which an uptime never is.
    static let startOfTime: UInt64 = 1_000_000_000

    let options: SimulationOptions
    let isSeeded: Bool

    /// The main body of the run.
    var main: Task<Void, Never>?

    /// How often the loop ran dry, and what it found the first time.
    private(set) var driedUp = 0
    private(set) var failure: DryLoop?

    private var choices: SeededChoices
    private var trace: UInt64
    private let holds = Atomic<Int>(0)

    private struct Watcher {
        let waiter: Waiter
        let cushion: UInt64
    }

    private var watchers: [Watcher] = []
    private var jobsWhenQuiet: UInt64 = 0
    private var quietSince = startOfTime

    init(_ options: SimulationOptions) {
        self.options = options
        isSeeded = options.seed != nil
        choices = SeededChoices(seed: options.seed ?? 0)
        trace = SeededChoices.mix(options.seed ?? 0)
    }

    // MARK: - Order

    /// Which of so many ready jobs is next.
    func chooseJob(of count: Int) -> Int {
        let index = count == 1 ? 0 : choices.below(count)
        note(UInt64(count) << 32 | UInt64(index))
        return index
    }

    /// The next job's budget of operations: now and then so small that one of them yields where it
    /// mostly does not.
    func chooseBudget() -> Int {
        choices.below(4) == 0 ? choices.below(4) : LoopCore.operationsPerJob
    }

    /// Whether to ask the kernel now, in the middle of a turn.
    func chooseToPoll() -> Bool { choices.below(8) == 0 }

    /// Adds a choice, or a moment, to the trace of the run.
    func note(_ word: UInt64) { trace = SeededChoices.mix(trace ^ word) }

    /// A number that two runs share if they made the same choices at the same moments.
    var fingerprint: UInt64 { trace }

    // MARK: - Time that waits for others

    /// Keeps time from jumping until ``letGo()``.
    ///
    /// Any thread.
    func hold() { holds.wrappingAdd(1, ordering: .relaxed) }

    /// Any thread; the caller wakes the loop.
    func letGo() {
        let left = holds.wrappingSubtract(1, ordering: .relaxed).newValue
        precondition(left >= 0, "virtual time was released more often than it was held")
    }

    var isHeld: Bool { holds.load(ordering: .relaxed) > 0 }

    // MARK: - Those who wait until all others do

    func add(_ waiter: Waiter, cushion: UInt64) {
        watchers.append(Watcher(waiter: waiter, cushion: cushion))
    }

    func remove(_ waiter: Waiter) { watchers.removeAll { $0.waiter === waiter } }

    /// Notes that all tasks are blocked, since now if one has run since the last time.
    func noteQuiet(jobs: UInt64, now: UInt64) {
        if jobs == jobsWhenQuiet { return }
        jobsWhenQuiet = jobs
        quietSince = now
    }

    /// The shortest cushion that somebody waits for; nil if nobody waits.
    private var leastCushion: UInt64? {
        watchers.isEmpty ? nil : watchers.lazy.map(\.cushion).min()
    }

    /// When the first of the watchers is content; nil if nobody watches.
    var nextContentment: UInt64? {
        leastCushion.map { cushion in
            let (moment, overflow) = quietSince.addingReportingOverflow(cushion)
            return overflow ? Monotonic.never : moment
        }
    }

    /// Wakes those that are content with the quiet so far; false if there are none.
    ///
    /// Only the least demanding: the others would see tasks that run.
    func tellWatchers(now: UInt64) -> Bool {
        guard let moment = nextContentment, moment <= now, let least = leastCushion else {
            return false
        }
        for watcher in watchers where watcher.cushion == least {
            watcher.waiter.resolve(.completed)
        }
        watchers.removeAll { $0.cushion == least }
        return true
    }

    func stopWatchers() {
        for watcher in watchers { watcher.waiter.resolve(.stopped) }
    }

    // MARK: - The dry loop

    func noteDry(_ report: DryLoop) {
        driedUp += 1
        if failure == nil { failure = report }
    }
}
