#include "tracer/discover/vm_name.h"

#include <gtest/gtest.h>

namespace trapline::tracer {
namespace {

using recording::VmNamedBy;

TEST(VmName, IsWhatTheVmmWasToldToCallIt) {
  EXPECT_EQ(
      name_in_arguments({"/usr/bin/qemu-system-x86_64", "-name", "guest=web,debug-threads=on", "-m", "512"}),
      "web");
  EXPECT_EQ(name_in_arguments({"qemu-system-x86_64", "-m", "1", "-name", "db,process=x"}), "db");
  EXPECT_EQ(name_in_arguments({"/usr/libexec/qemu-kvm", "-name", "a,,b"}), "a,b") << "QEMU doubles commas";
  EXPECT_EQ(name_in_arguments({"firecracker", "--id", "fc-1"}), "fc-1");
  EXPECT_EQ(name_in_arguments({"./firecracker", "--id=fc-2"}), "fc-2");
  EXPECT_EQ(name_in_arguments({"/opt/lkvm", "run", "--name", "k"}), "k");
}

TEST(VmName, IsNotTakenFromOptionsOfOtherPrograms) {
  EXPECT_EQ(name_in_arguments({"/usr/bin/sometool", "-name", "x"}), "");
  EXPECT_EQ(name_in_arguments({"qemu-system-x86_64", "-name"}), "") << "the value is missing";
  EXPECT_EQ(name_in_arguments({"qemu-system-x86_64"}), "");
  EXPECT_EQ(name_in_arguments({}), "");
}

TEST(VmName, InACgroupIsLibvirtsDomainOrTheContainersId) {
  const auto libvirt =
      name_in_cgroup("0::/machine.slice/machine-qemu\\x2d12\\x2dmy\\x2dweb.scope/libvirt/vcpu0\n");
  EXPECT_EQ(libvirt.text, "my-web");
  EXPECT_EQ(libvirt.by, VmNamedBy::libvirt);
  const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  for (const std::string& path : {"/system.slice/docker-" + id + ".scope", "/docker/" + id,
                                  "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope",
                                  "/machine.slice/libpod-" + id + ".scope/container"}) {
    const auto container = name_in_cgroup("0::" + path + "\n");
    EXPECT_EQ(container.text, "0123456789ab") << path;
    EXPECT_EQ(container.by, VmNamedBy::container);
  }
  EXPECT_EQ(name_in_cgroup("0::/user.slice/user-1000.slice/session-1.scope\n").text, "");
  EXPECT_EQ(name_in_cgroup("0::/\n").text, "");
  EXPECT_EQ(name_in_cgroup("").text, "");
  EXPECT_EQ(name_in_cgroup("machine-qemu\\x2").text, "") << "cut off";
}

}  // namespace
}  // namespace trapline::tracer
