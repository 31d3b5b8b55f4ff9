#include "tracer/discover/running_vms.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/unit/recording/sample_recording.h"

namespace trapline::tracer {
namespace {

// A /proc of our own making.
class RunningVmsTest : public ::testing::Test {
 protected:
  void process(int pid, const std::string& cmdline, const std::vector<std::string>& descriptors) {
    const auto folder = proc_ / std::to_string(pid);
    std::filesystem::create_directories(folder / "fd");
    std::filesystem::create_directories(folder / "task");
    put(folder / "cmdline", cmdline);
    put(folder / "comm", "program\n");
    put(folder / "cgroup", "0::/\n");
    int number = 0;
    for (const std::string& target : descriptors)
      std::filesystem::create_symlink(target, folder / "fd" / std::to_string(number++));
  }
  void thread(int pid, int tid, const std::string& name) {
    const auto folder = proc_ / std::to_string(pid) / "task" / std::to_string(tid);
    std::filesystem::create_directories(folder);
    put(folder / "comm", name + "\n");
  }
  static void put(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

  recording::test::TemporaryFolder scratch_;
  std::filesystem::path proc_ = scratch_ / "proc";
};

using namespace std::string_literals;

TEST_F(RunningVmsTest, AreFoundByTheirDescriptorsAndNamed) {
  process(20, "qemu-system-x86_64\0-name\0guest=web\0"s,
          {"/dev/kvm", "anon_inode:kvm-vm", "anon_inode:kvm-vcpu:0", "anon_inode:kvm-vcpu:11",
           "anon_inode:kvm-vcpu-stats:0"});
  thread(20, 21, "CPU 0/KVM");
  thread(20, 22, "worker");
  process(10, "bash\0"s, {"/dev/null", "anon_inode:[eventpoll]"});
  process(30, ""s, {"anon_inode:kvm-vm", "anon_inode:kvm-vm"});
  std::filesystem::create_directories(proc_ / "self");
  const auto running = find_running_vms(proc_);
  ASSERT_TRUE(running) << running.error().text();
  EXPECT_EQ(running->processes_seen, 3u);
  ASSERT_EQ(running->processes.size(), 2u);
  const VmProcess& web = running->processes[0];
  EXPECT_EQ(web.pid, 20);
  EXPECT_EQ(web.name.text, "web");
  EXPECT_EQ(web.vms, 1u);
  ASSERT_EQ(web.vcpus.size(), 2u) << "not what only looks like a vCPU";
  EXPECT_EQ(web.vcpus[0].vcpu_id, 0);
  EXPECT_EQ(web.vcpus[0].tid, 21);
  EXPECT_EQ(web.vcpus[1].vcpu_id, 11);
  EXPECT_EQ(web.vcpus[1].tid, 0) << "no thread is named as its";
  EXPECT_EQ(running->processes[1].vms, 2u);
  EXPECT_EQ(running->processes[1].name.text, "program");
}

TEST_F(RunningVmsTest, ThatAreNoneSayWhatWasLookedFor) {
  process(10, "bash\0"s, {"/dev/null", "/dev/kvm"});
  const auto none = find_vm_of_process(10, proc_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().status, ExitStatus::machine_lacks);
  EXPECT_NE(none.error().what.find("process 10 (program)"), std::string::npos) << none.error().what;
  EXPECT_NE(none.error().what.find("none of its 2 file descriptors is anon_inode:kvm-vm"), std::string::npos);
  const auto gone = find_vm_of_process(11, proc_);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().what.find("no process 11"), std::string::npos);
  EXPECT_EQ(gone.error().status, ExitStatus::machine_lacks);
}

TEST_F(RunningVmsTest, AreChosenByName) {
  process(20, "qemu-system-x86_64\0-name\0web\0"s, {"anon_inode:kvm-vm"});
  process(21, "qemu-system-x86_64\0-name\0db\0"s, {"anon_inode:kvm-vm"});
  process(22, "qemu-system-x86_64\0-name\0db\0"s, {"anon_inode:kvm-vm"});
  const auto web = find_vm_of_name("web", proc_);
  ASSERT_TRUE(web);
  EXPECT_EQ(web->pid, 20);
  const auto two = find_vm_of_name("db", proc_);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().status, ExitStatus::wrong_usage);
  EXPECT_NE(two.error().remedy.find("21"), std::string::npos);
  const auto none = find_vm_of_name("mail", proc_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().status, ExitStatus::machine_lacks);
  EXPECT_NE(none.error().remedy.find("web (pid 20)"), std::string::npos) << none.error().remedy;
}

}  // namespace
}  // namespace trapline::tracer
