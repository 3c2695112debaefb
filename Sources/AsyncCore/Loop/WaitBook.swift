// Which tasks of a loop wait for what, since when.
//
// Always kept, so it must cost next to nothing. A task with a standing cancellation handler keeps
// its waiter, and notes its waits there by plain stores. A runner leads to its own; others stand in a
// list here for as long as the handler does. Every other wait pays for a cancellation handler of its
// own, or lets all others run; its waiter stands in the list for as long as it lasts.

/// The waits under way on one loop, but for those of runners.
///
/// Owner thread only, unless a member says otherwise.
@safe
final class WaitBook: @unchecked Sendable {
    // SAFETY: what changes is the owner thread's. A waiter is in the list only while its task is in
    // the wait, or has it as its standing one, and the task holds it; or until the call of
    // `removeLater`, which holds it, has run.
    // `core` is set before the loop runs; where it is more than compared, the caller keeps it alive.

    /// The loop's last look at its clock: since when a wait counts that begins now.
    ///
    /// A look of its own would cost more than all the rest.
    var now: UInt64 {
        @inline(__always) get { unsafe lastLook }
        @inline(__always) set { unsafe lastLook = newValue }
    }

    @exclusivity(unchecked) private var lastLook: UInt64

    /// Whether waiting tasks are asked for their names, for those that were not spawned: about 100
    /// ns a wait.
    ///
    /// Any thread.
    let keepsNames: Bool

    /// Where tasks of the loop suspend.
    ///
    /// Here, as a waiter may be used after the end of the loop that it was made on.
    let parking = Confined(Parking())

    @exclusivity(unchecked) private var first: Unmanaged<Waiter>?
    @exclusivity(unchecked) private var core: Unmanaged<LoopCore>?

    init(now: UInt64, keepsNames: Bool) {
        unsafe lastLook = now
        self.keepsNames = keepsNames
    }

    deinit { parking.deallocate() }

    /// Names the loop that the book belongs to.
    func setCore(_ core: LoopCore) { unsafe self.core = .passUnretained(core) }

    func add(_ waiter: Waiter) {
        let link = unsafe Unmanaged.passUnretained(waiter)
        unsafe waiter.nextInBook = first
        unsafe waiter.previousInBook = nil
        unsafe first?._withUnsafeGuaranteedRef { unsafe $0.previousInBook = link }
        unsafe first = link
    }

    func remove(_ waiter: Waiter) {
        let next = unsafe waiter.nextInBook
        let previous = unsafe waiter.previousInBook
        unsafe next?._withUnsafeGuaranteedRef { unsafe $0.previousInBook = previous }
        if let previous = unsafe previous {
            unsafe previous._withUnsafeGuaranteedRef { unsafe $0.nextInBook = next }
        } else {
            unsafe first = next
        }
    }

    /// Whether the calling thread runs the loop.
    ///
    /// Any thread.
    var isHere: Bool { unsafe core.map { unsafe CurrentThread.isCurrent($0) } ?? false }

    /// Removes a waiter whose task went on elsewhere.
    ///
    /// Any thread. An actor that tasks of the loop share with tasks elsewhere may run both where it
    /// just is.
    func removeLater(_ waiter: Waiter) {
        // SAFETY: the calling task waited on the loop, and keeps it alive.
        guard let core = unsafe core?.takeUnretainedValue() else { return }
        core.post { core.waitBook.remove(waiter) }
    }

    func forEach(_ body: (Waiter) -> Void) {
        var link = unsafe first
        while let current = unsafe link {
            unsafe link = current._withUnsafeGuaranteedRef { waiter in
                body(waiter)
                return unsafe waiter.nextInBook
            }
        }
    }
}

/// What is known of a wait that is under way.
struct WaitNote {
    let task: TaskIdentity?
    let taskName: String?
    let what: StaticString
    /// On the loop's clock.
    let since: UInt64
    let holders: [TaskIdentity]
}

/// What a task waits for, if that can say more about it than its name.
///
/// A primitive that knows who holds it up may conform, and make itself the ``Waiter/subject`` of the
/// waits for it.
protocol WaitSubject: AnyObject {
    /// The tasks, all alive, that must do something before the wait can end.
    ///
    /// Called on the loop of the waiting task, between jobs or in one.
    var holders: [TaskIdentity] { get }
}
