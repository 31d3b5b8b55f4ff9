#include "viewer/lanes/vm_name.h"

#include <gtest/gtest.h>

#include "tests/unit/viewer/small_timeline.h"

namespace trapline::viewer {
namespace {

TEST(VmName, IsTheVmsOwnElseThePathsElseItsNumber) {
  recording::RecordingInfo info;
  EXPECT_EQ(vm_name(info, {}, 0), "VM");
  EXPECT_EQ(vm_name(info, test::two_vms(), 2), "VM debian");
  EXPECT_EQ(vm_name(info, test::two_vms(), 3), "VM 3");
  info.path = "pv";
  info.time_kind = recording::TimeKind::counted;
  EXPECT_EQ(vm_name(info, {}, 0), "VM pv (counted time)");
}

}  // namespace
}  // namespace trapline::viewer
