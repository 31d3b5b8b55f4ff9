// The one loop that all workloads run. `stamped`, `prepare` and `event` are constants where it is inlined, so
// that a bare loop holds nothing but its events.
#ifndef TRAPLINE_VMM_GUEST_EVENT_LOOP_H
#define TRAPLINE_VMM_GUEST_EVENT_LOOP_H

#include <stdbool.h>

#include "vmm/guest/stamp.h"

// What `prepare` returns is handed to the event of the same iteration.
typedef uint64_t prepare_function(uint32_t iteration);
typedef void event_function(uint32_t iteration, uint64_t prepared);

ALWAYS_INLINE void run_events(uint32_t count, bool stamped, prepare_function* prepare,
                              event_function* event) {
  for (uint32_t i = 0; i < count; ++i) {
    if (stamped) wait_for_ring_room();
    const uint64_t prepared = prepare(i);
    if (stamped) stamp(GUEST_STAMP_U0, 0, i);
    event(i, prepared);
    if (stamped) stamp(GUEST_STAMP_U3, 0, i);
  }
}

ALWAYS_INLINE uint64_t prepare_nothing(uint32_t iteration) {
  return iteration;
}

struct event_loops {
  void (*stamped)(uint32_t count);
  void (*bare)(uint32_t count);
};

// Defines the two loops of a workload; WORKLOAD_ENTRY puts them into a table.
#define DEFINE_WORKLOAD(name, prepare, event)  \
  static void name##_stamped(uint32_t count) { \
    run_events(count, true, prepare, event);   \
  }                                            \
  static void name##_bare(uint32_t count) {    \
    run_events(count, false, prepare, event);  \
  }
#define WORKLOAD_ENTRY(name) \
  { .stamped = name##_stamped, .bare = name##_bare }

#endif
