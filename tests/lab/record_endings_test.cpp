// Whatever ends the recorder or the VM: what was recorded opens, and nothing of the probes is left in the
// kernel.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "tests/support/bare_vmm.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// A VM that works for as long as it is let, recorded by its process.
class RecordEndings : public testing::Test {
 protected:
  void SetUp() override {
    before_ = bpf_objects();
    vm_ = std::make_unique<BareVmm>(std::vector<std::string>{"--vcpus", "2", "--events", "100000000"});
    recording_ = std::make_unique<Recording>(workspace_.path("recording"),
                                             std::vector<std::string>{"-p", std::to_string(vm_->pid())});
    vm_->begin();
    wait_for_records();
  }

  void wait_for_records() {
    const auto recorded = [&] {
      std::error_code missing;
      std::uintmax_t bytes = 0;
      for (const auto& file : std::filesystem::directory_iterator(recording_->folder(), missing)) {
        if (file.path().filename().string().starts_with("exits_")) bytes += file.file_size(missing);
      }
      return bytes > 50'000;
    };
    EXPECT_TRUE(eventually(recorded)) << "nothing is recorded";
  }

  // The recording opens, has exits of both vCPUs, and the kernel holds none of the probes.
  json expect_whole() {
    EXPECT_TRUE(no_bpf_objects_but(before_)) << "probes were left in the kernel";
    json report = report_of(recording_->folder());
    const auto counts = exits_of_each_vcpu(report, "io");
    EXPECT_EQ(counts.size(), 2u);
    for (const std::uint64_t count : counts)
      EXPECT_GT(count, 10u);
    return report;
  }

  BpfObjects before_;
  Workspace workspace_;
  std::unique_ptr<BareVmm> vm_;
  std::unique_ptr<Recording> recording_;
};

TEST_F(RecordEndings, TheRecorderIsKilled) {
  recording_->process().signal(SIGKILL);
  EXPECT_EQ(recording_->process().wait().status, 128 + SIGKILL);
  const json report = expect_whole();
  EXPECT_TRUE(report["context"]["ended"].get<std::string>().starts_with("cut off")) << report["context"];
}

TEST_F(RecordEndings, TheVmIsKilled) {
  vm_->kill();
  EXPECT_EQ(recording_->process().wait().status, 0) << recording_->process().err();
  const json report = expect_whole();
  EXPECT_EQ(report["lost"]["records"], 0);
}

TEST_F(RecordEndings, BothAreKilled) {
  vm_->kill();
  recording_->process().signal(SIGKILL);
  recording_->process().wait();
  expect_whole();
}

TEST_F(RecordEndings, CtrlC) {
  recording_->stop();
  EXPECT_EQ(expect_whole()["lost"]["records"], 0);
}

TEST_F(RecordEndings, Terminated) {
  recording_->process().signal(SIGTERM);
  EXPECT_EQ(recording_->process().wait().status, 0) << recording_->process().err();
  expect_whole();
}

TEST(RecordEndingsOfTime, ADurationEndsIt) {
  Workspace workspace;
  BareVmm vm({"--events", "100000000"});
  Recording recording(workspace.path("recording"), {"-p", std::to_string(vm.pid()), "--duration", "1.5"});
  vm.begin();
  EXPECT_EQ(recording.process().wait().status, 0) << recording.process().err();
  const json report = report_of(recording.folder());
  EXPECT_GT(exits_named(report, "io"), 10u);
  vm.kill();
}

}  // namespace
}  // namespace trapline::test
