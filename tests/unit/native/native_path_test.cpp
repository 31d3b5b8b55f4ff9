#include "native/native_path.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "vmm/paths/workloads.h"

namespace trapline::native {
namespace {

TEST(Native, RunsWhatItCanAndSaysWhyForTheRest) {
  for (const vmm::WorkloadEntry& entry : vmm::workloads()) {
    const auto reason = cannot_run(entry.workload);
    const auto trips = run(entry.workload, 5);
    EXPECT_EQ(trips.has_value(), !reason) << entry.name;
    if (!trips) {
      EXPECT_FALSE(reason->empty()) << entry.name;
      continue;
    }
    ASSERT_EQ(trips->size(), 5u) << entry.name;
    HostTsc before{};
    for (const RoundTrip& trip : *trips) {
      EXPECT_GE(trip.begin, before);
      EXPECT_GT(trip.end, trip.begin);
      before = trip.end;
    }
  }
  EXPECT_FALSE(cannot_run(GUEST_WORKLOAD_SYSCALL));
  EXPECT_FALSE(cannot_run(GUEST_WORKLOAD_PAGE_FAULT));
  EXPECT_FALSE(cannot_run(GUEST_WORKLOAD_DIVIDE));
  EXPECT_TRUE(cannot_run(GUEST_WORKLOAD_HLT));
}

TEST(Native, LeavesTheSignalHandlersAsTheyWere) {
  struct sigaction before {};
  struct sigaction after {};
  ::sigaction(SIGFPE, nullptr, &before);
  ASSERT_TRUE(run(GUEST_WORKLOAD_DIVIDE, 3));
  ::sigaction(SIGFPE, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

}  // namespace
}  // namespace trapline::native
