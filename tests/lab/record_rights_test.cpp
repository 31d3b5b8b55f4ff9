// What trapline record may do while it records, and what it needs for it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/bare_vmm.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr uid_t kNobody = 65534;

TEST(RecordRights, RootDropsThemAllBeforeItReads) {
  Workspace workspace;
  BareVmm vm({"--events", "300"});
  Recording recording(workspace.path("recording"), {"--all"});
  const auto status = recording.process().status();
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(status.at(set), "0000000000000000") << set;
  EXPECT_EQ(status.at("NoNewPrivs"), "1");
  vm.begin();
  const json told = vm.told();
  vm.end();
  EXPECT_EQ(exits_of_each_vcpu(recording.stop(), "io"), told_exits_of_each_vcpu(told, "io"))
      << "without rights it still follows VMs";
}

// Becomes nobody with these capabilities only.
Words as_nobody_with(const std::string& capabilities) {
  return {"setpriv",
          "--reuid",
          std::to_string(kNobody),
          "--regid",
          std::to_string(kNobody),
          "--clear-groups",
          "--inh-caps",
          "-all," + capabilities,
          "--ambient-caps",
          "-all," + capabilities,
          "--bounding-set",
          "-all," + capabilities};
}

TEST(RecordRights, ThreeCapabilitiesAreEnough) {
  Workspace workspace;
  const std::string own = workspace.path("nobodys");
  std::filesystem::create_directory(own);
  ASSERT_EQ(::chown(own.c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(::chmod(std::filesystem::path(own).parent_path().c_str(), 0711), 0);
  BareVmm vm({"--events", "300", "--vcpus", "2"});
  auto words = as_nobody_with("+bpf,+perfmon,+sys_ptrace");
  for (const std::string& word :
       Words{trapline_program(), "record", "--all", "-q", "--no-probe-cost", "-o", own + "/recording"})
    words.push_back(word);
  Background recorder(words);
  ASSERT_TRUE(begins_to_record(recorder)) << recorder.err();
  const auto status = recorder.status();
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
    EXPECT_EQ(status.at(set), "0000000000000000") << set;
  vm.begin();
  const json told = vm.told();
  vm.end();
  recorder.signal(SIGINT);
  const auto result = recorder.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(exits_of_each_vcpu(report_of(own + "/recording"), "io"), told_exits_of_each_vcpu(told, "io"));
}

// Full probes on VMX are for root, everything else is for these rights, too.
TEST(RecordRights, DoctorSaysWhatTheyGetAndWhatRootWould) {
  auto words = as_nobody_with("+bpf,+perfmon");
  for (const std::string& word : Words{trapline_program(), "doctor", "--json"})
    words.push_back(word);
  const auto result = run_command(words);
  const json modes = json::parse(result.out)["modes"];
  ASSERT_EQ(modes.size(), 2u) << result.out;
  const bool vmx = std::filesystem::exists("/sys/module/kvm_intel");
  const json& full = modes[0];
  EXPECT_EQ(full["with_your_rights"]["works"], !vmx) << full;
  if (vmx) {
    EXPECT_NE(full["with_your_rights"]["reason"].get<std::string>().find("tracefs is not readable"),
              std::string::npos)
        << full;
    EXPECT_EQ(full["with_your_rights"]["remedy"], "run as root (sudo)") << "it is mounted";
  }
  EXPECT_EQ(modes[1]["with_your_rights"]["works"], true) << modes[1];
  for (const json& mode : modes)
    EXPECT_EQ(mode["as_root"]["works"], true) << mode;
}

TEST(RecordRights, WithoutAnyItSaysWhatIsMissing) {
  Workspace workspace;
  auto words = as_nobody_with("-bpf");
  for (const std::string& word : Words{trapline_program(), "record", "--all", "-o", "/tmp/never"})
    words.push_back(word);
  const auto result = run_command(words);
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("CAP_BPF"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::exists("/tmp/never"));
}

TEST(RecordRights, RecordingsArePrivate) {
  Workspace workspace;
  const std::string recording = workspace.path("recording");
  ::umask(0);
  record_command(recording, {}, bare_vmm_command({"--events", "10"}));
  expect_private(recording);
}

TEST(RecordRights, NoSymbolicLinkIsFollowed) {
  Workspace workspace;
  const std::string elsewhere = workspace.path("elsewhere");
  const std::string link = workspace.path("link");
  std::filesystem::create_symlink(elsewhere, link);
  const auto dangling = trapline({"record", "-o", link, "--", "true"});
  EXPECT_NE(dangling.status, 0);
  EXPECT_NE(dangling.err.find(link), std::string::npos) << dangling.err;
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
  // Refused before anything is loaded: who has no right to load anything is told the same.
  ASSERT_EQ(::chmod(std::filesystem::path(link).parent_path().c_str(), 0711), 0);
  auto words = as_nobody_with("-bpf");
  for (const std::string& word : Words{trapline_program(), "record", "-o", link, "--all"})
    words.push_back(word);
  EXPECT_EQ(run_command(words).err, dangling.err);
  std::filesystem::create_directory(elsewhere);
  EXPECT_NE(trapline({"record", "-o", link, "--", "true"}).status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere));
}

}  // namespace
}  // namespace trapline::test
