// The one loop that all workloads run. `stamped`, `prepare` and `event` are constants where it is inlined, so
// that a bare loop holds nothing but its events.
#ifndef TRAPLINE_VMM_GUEST_EVENT_LOOP_H
#define TRAPLINE_VMM_GUEST_EVENT_LOOP_H

#include <stdbool.h>

#include "vmm/guest/stamp.h"

// What `prepare` returns is handed to the event of the same iteration. `early` is how often what it armed for
// this iteration came early.
typedef uint64_t prepare_function(uint32_t iteration, uint32_t early);
// Whether what `prepare` armed has come already.
typedef bool came_early_function(uint64_t prepared);
typedef void event_function(uint32_t iteration, uint64_t prepared);

ALWAYS_INLINE void run_events(uint32_t count, bool stamped, prepare_function* prepare,
                              came_early_function* came_early, event_function* event) {
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t prepared;
    // An interrupt that came before U0 was stamped was not awaited: its phases cannot be told. Armed again,
    // for longer, and stamped again; a later U0 of the same iteration takes the place of an earlier one.
    uint32_t early = 0;
    for (;; ++early) {
      if (stamped) wait_for_ring_room();
      prepared = prepare(i, early);
      if (stamped) stamp(GUEST_STAMP_U0, 0, i);
      if (!stamped || !came_early(prepared)) break;
      if (early == GUEST_MAX_EARLY) give_up_waiting(GUEST_WAIT_NOT_EARLY, early);
    }
    event(i, prepared);
    if (stamped) stamp(GUEST_STAMP_U3, 0, i);
  }
}

ALWAYS_INLINE uint64_t prepare_nothing(uint32_t iteration, uint32_t early) {
  (void)early;
  return iteration;
}

// Of events that the loop causes itself.
ALWAYS_INLINE bool never_early(uint64_t prepared) {
  (void)prepared;
  return false;
}

struct event_loops {
  void (*stamped)(uint32_t count);
  void (*bare)(uint32_t count);
};

// Defines the two loops of a workload; WORKLOAD_ENTRY puts them into a table.
#define DEFINE_WORKLOAD(name, prepare, came_early, event) \
  static void name##_stamped(uint32_t count) {            \
    run_events(count, true, prepare, came_early, event);  \
  }                                                       \
  static void name##_bare(uint32_t count) {               \
    run_events(count, false, prepare, came_early, event); \
  }
#define WORKLOAD_ENTRY(name) \
  { .stamped = name##_stamped, .bare = name##_bare }

#endif
