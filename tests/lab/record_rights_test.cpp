// What trapline record may do while it records, and what it needs for it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

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

json modes_for_nobody() {
  auto words = as_nobody_with("+bpf,+perfmon");
  for (const std::string& word : Words{trapline_program(), "doctor", "--json"})
    words.push_back(word);
  const auto result = run_command(words);
  EXPECT_FALSE(result.out.empty()) << result.err;
  return json::parse(result.out)["modes"];
}

void expect_text(const json& text, const std::string& part) {
  EXPECT_NE(text.get<std::string>().find(part), std::string::npos) << part << " in " << text;
}

bool is_vmx() {
  return std::filesystem::exists("/sys/module/kvm_intel");
}

// Full probes on VMX are for root, everything else is for these rights, too.
TEST(RecordRights, DoctorSaysWhatTheyGetAndWhatRootWould) {
  const json modes = modes_for_nobody();
  ASSERT_EQ(modes.size(), 2u);
  const json& full = modes[0]["with_your_rights"];
  EXPECT_EQ(full["works"], !is_vmx()) << full;
  if (is_vmx()) {
    expect_text(full["reason"], "tracefs is not readable");
    expect_text(full["remedy"], "run as root (sudo)");
    EXPECT_EQ(full["remedy"].get<std::string>().find("mount -t"), std::string::npos) << "it is mounted";
  }
  EXPECT_EQ(modes[1]["with_your_rights"]["works"], true) << modes[1];
  for (const json& mode : modes)
    EXPECT_EQ(mode["as_root"]["works"], true) << mode;
}

// tracefs for nobody's group; root's again afterwards.
class OpenTracefs {
 public:
  OpenTracefs() { remount("remount,mode=750,gid=" + std::to_string(kNobody)); }
  ~OpenTracefs() { remount("remount,gid=0,mode=700"); }

 private:
  static void remount(const std::string& options) {
    const auto result = run_command({"mount", "-o", options, "/sys/kernel/tracing"});
    EXPECT_EQ(result.status, 0) << result.err;
  }
};

// kernel.perf_event_paranoid; the old value again afterwards.
class Paranoid {
 public:
  explicit Paranoid(int value) {
    std::ifstream(kFile) >> old_;
    std::ofstream(kFile) << value;
  }
  ~Paranoid() { std::ofstream(kFile) << old_; }

 private:
  static constexpr const char* kFile = "/proc/sys/kernel/perf_event_paranoid";
  int old_ = 0;
};

// What doctor gives for a remedy helps, one obstacle after the other.
TEST(RecordRights, ItsRemediesLetAGroupHaveFullProbes) {
  const OpenTracefs tracefs;
  {
    const Paranoid paranoid(3);  // Debian's and Ubuntu's kernels: for CAP_SYS_ADMIN
    const json full = modes_for_nobody()[0]["with_your_rights"];
    // A kernel without that change lets CAP_PERFMON do it.
    if (is_vmx() && full["works"] == false) {
      expect_text(full["reason"], "perf_event_open(2)");
      expect_text(full["remedy"], "sysctl kernel.perf_event_paranoid=2");
    }
  }
  const Paranoid paranoid(2);
  const json modes = modes_for_nobody();
  for (const json& mode : modes)
    EXPECT_EQ(mode["with_your_rights"]["works"], true) << mode;
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
