// Tasks that wait for each other in a circle.

/// The circles among tasks of which it is known who waits for whom.
///
/// A search in depth (Tarjan 1972, without the strong components): an edge to a task that the path
/// comes from closes a circle. Each edge is looked at once, so it ends, and reports a circle once.
struct WaitCycles {
    private(set) var found: [[TaskSnapshot.ID]] = []
    private var holders: [TaskSnapshot.ID: [TaskSnapshot.ID]] = [:]
    private var done: Set<TaskSnapshot.ID> = []

    /// The tasks from the start of the search to where it is, and how many holders of each have
    /// been looked at.
    private var path: [(task: TaskSnapshot.ID, seen: Int)] = []
    private var places: [TaskSnapshot.ID: Int] = [:]

    init(_ tasks: [TaskSnapshot]) {
        for task in tasks {
            if case .waiting(let wait) = task.state { holders[task.id] = wait.holders }
        }
        for task in tasks where !done.contains(task.id) { search(from: task.id) }
    }

    private mutating func search(from start: TaskSnapshot.ID) {
        enter(start)
        while let (task, seen) = path.last {
            guard let next = holders[task].flatMap({ seen < $0.count ? $0[seen] : nil }) else {
                leave(task)
                continue
            }
            path[path.count - 1].seen += 1
            if let place = places[next] {
                found.append(path[place...].map(\.task))
            } else if !done.contains(next) {
                enter(next)
            }
        }
    }

    private mutating func enter(_ task: TaskSnapshot.ID) {
        places[task] = path.count
        path.append((task, 0))
    }

    private mutating func leave(_ task: TaskSnapshot.ID) {
        path.removeLast()
        places[task] = nil
        done.insert(task)
    }
}
