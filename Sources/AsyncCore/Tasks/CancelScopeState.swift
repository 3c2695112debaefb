// What is known of a cancel scope, and what follows from what happens to it.

/// The state of a ``CancelScope``.
///
/// Pure: no lock, no clock, no task. Events that may cancel the body say whether it is to be
/// cancelled now, which they say once: a cancellation cannot be taken back.
struct CancelScopeState: Sendable {
    /// The life of a scope.
    ///
    /// It only goes forward.
    enum Phase {
        case new  // may be cancelled, and get a deadline; the body has not begun
        case entered  // the body is about to begin
        case active
        case ended
    }

    /// Who ended the body, if it ended in a cancellation.
    enum Ending: Equatable {
        case itself
        /// Whoever cancelled the scope's caller.
        case outside
        case scope(CancellationReason)
    }

    private(set) var phase = Phase.new
    private(set) var reason: CancellationReason?
    private(set) var isShielded: Bool
    private(set) var deadline = Monotonic.never
    private var timeout: Duration?
    private var instant: ContinuousClock.Instant?
    private var isOuterCancelled = false
    private var isEndedFromOutside = false
    private var isBodyCancelled = false

    init(timeout: Duration?, deadline: ContinuousClock.Instant?, isShielded: Bool) {
        self.timeout = timeout
        self.isShielded = isShielded
        instant = deadline
    }

    /// The instant given before the body began.
    var deadlineBeforeEntry: ContinuousClock.Instant? { instant }

    /// The body is about to begin; false if it has begun before.
    ///
    /// A relative deadline counts from here.
    mutating func enter(
        after: (Duration) -> UInt64, at: (ContinuousClock.Instant) -> UInt64
    ) -> Bool {
        guard phase == .new else { return false }
        phase = .entered
        deadline = min(timeout.map(after) ?? Monotonic.never, instant.map(at) ?? Monotonic.never)
        return true
    }

    /// The body can be cancelled from here on.
    mutating func activate() -> Bool {
        phase = .active
        return decide()
    }

    /// The scope is cancelled; the first reason stays.
    mutating func cancel(_ reason: CancellationReason) -> Bool {
        if phase == .ended || self.reason != nil { return false }
        self.reason = reason
        return decide()
    }

    /// The caller of the scope is cancelled.
    mutating func cancelFromOutside() -> Bool {
        isOuterCancelled = true
        return decide()
    }

    /// Hides cancellations of the caller from the body, or stops doing so.
    mutating func shield(_ isShielded: Bool) -> Bool {
        self.isShielded = isShielded
        return decide()
    }

    /// Whether the deadline may be moved: until the scope is cancelled, or over.
    private var isMovable: Bool { reason == nil && phase != .ended }

    /// Moves the deadline of a body that has begun; false if it is too late.
    mutating func move(to deadline: UInt64) -> Bool {
        guard isMovable else { return false }
        self.deadline = deadline
        return true
    }

    /// Replaces the deadline of a body that has not begun; false if it has.
    mutating func replaceDeadline(
        timeout: Duration?, instant: ContinuousClock.Instant?
    ) -> Bool {
        guard phase == .new, isMovable else { return false }
        self.timeout = timeout
        self.instant = instant
        return true
    }

    /// The body is over.
    mutating func end() { phase = .ended }

    /// Who ended the body, if it ended in a cancellation.
    var ending: Ending {
        if isEndedFromOutside { return .outside }
        return reason.map(Ending.scope) ?? .itself
    }

    private mutating func decide() -> Bool {
        guard phase == .active else { return false }
        let comesFromOutside = isOuterCancelled && !isShielded
        // Both at once: the outermost cancellation is the one that counts.
        if comesFromOutside { isEndedFromOutside = true }
        guard !isBodyCancelled, comesFromOutside || reason != nil else { return false }
        isBodyCancelled = true
        return true
    }
}
