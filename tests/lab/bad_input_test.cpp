// Wrong usage, and machines that lack something: the message names it, the status says which, nothing is left
// behind.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

void expect_mentions(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
}

// Runs a recording with something taken away; expects status 3 and that nothing was written.
void expect_machine_lacks(const std::function<void()>& take_away, const std::vector<std::string>& words) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  CommandOptions options;
  options.before_exec = take_away;
  const auto result = trapline({"run", "--workload", "pio", "-n", "5", "-o", recording}, options);
  EXPECT_EQ(result.status, 3) << result.err;
  expect_mentions(result.err, words);
  expect_mentions(result.err, {"remedy"});
  EXPECT_FALSE(std::filesystem::exists(recording)) << "something was half written";
}

// In the child: a mount table of its own, in which `path` is covered by an empty folder.
void hide(const char* path) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", path, "tmpfs", 0, nullptr) != 0) {
    std::perror(path);
    ::_exit(99);
  }
}

void drop_capability(int capability) {
  if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) ::_exit(99);
}

TEST(BadInput, UnknownWorkloadListsTheValidOnes) {
  const auto result = trapline({"run", "--workload", "int80,nonsense"});
  EXPECT_EQ(result.status, 2);
  expect_mentions(result.err, {"nonsense", "int80", "page-fault", "hlt", "device"});
}

TEST(BadInput, UnknownPathListsTheValidOnes) {
  const auto result = trapline({"run", "--path", "teleport", "--workload", "pio"});
  EXPECT_EQ(result.status, 2);
  expect_mentions(result.err, {"teleport", "hvm"});
}

TEST(BadInput, UnknownOptionShowsTheUsage) {
  const auto result = trapline({"run", "--workload", "pio", "--frobnicate"});
  EXPECT_EQ(result.status, 2);
  expect_mentions(result.out + result.err, {"--frobnicate", "--workload", "--path"});
}

TEST(BadInput, UnknownSubcommandAndFormat) {
  EXPECT_EQ(trapline({"levitate"}).status, 2);
  EXPECT_EQ(trapline({}).status, 2);
  const auto result = trapline({"export", "/tmp", "--format", "papyrus"});
  EXPECT_EQ(result.status, 2);
  expect_mentions(result.out + result.err, {"papyrus", "chrome"});
}

TEST(BadInput, CountsAndRingsOutOfRange) {
  EXPECT_EQ(trapline({"run", "--workload", "pio", "-n", "0"}).status, 2);
  EXPECT_EQ(trapline({"run", "--workload", "pio", "-n", "many"}).status, 2);
  EXPECT_EQ(trapline({"run", "--workload", "pio", "--ring", "100"}).status, 2);
}

TEST(BadInput, AFolderThatIsNoRecordingIsLeftAlone) {
  Workspace workspace;
  const std::string folder = workspace.path("precious");
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/letter") << "keep me";
  const auto result = trapline({"run", "--workload", "pio", "-n", "5", "-o", folder});
  EXPECT_EQ(result.status, 1);
  expect_mentions(result.err, {"precious", "not a recording"});
  std::string content;
  std::getline(std::ifstream(folder + "/letter") >> std::ws, content);
  EXPECT_EQ(content, "keep me");
}

TEST(BadInput, ReportOfSomethingElse) {
  EXPECT_EQ(trapline({"report", "/proc"}).status, 1);
  EXPECT_EQ(trapline({"report", "/nonexistent"}).status, 1);
}

TEST(BadInput, NoKvm) {
  expect_machine_lacks([] { hide("/dev"); }, {"/dev/kvm"});
}

TEST(BadInput, NoBtf) {
  expect_machine_lacks([] { hide("/sys/kernel/btf"); }, {"BTF", "/sys/kernel/btf/vmlinux"});
}

TEST(BadInput, NoRightToLoadBpf) {
  expect_machine_lacks([] { drop_capability(CAP_BPF); }, {"CAP_BPF"});
  expect_machine_lacks([] { drop_capability(CAP_PERFMON); }, {"CAP_PERFMON"});
}

TEST(BadInput, ALockedDownKernel) {
  // The lab's kernel is not locked down: the file that says so is put in place for this process alone.
  const auto lock_down = [] {
    hide("/sys/kernel/security");
    std::ofstream("/sys/kernel/security/lockdown") << "none integrity [confidentiality]\n";
  };
  expect_machine_lacks(lock_down, {"locked down", "confidentiality"});
}

TEST(BadInput, NoVendorModule) {
  expect_machine_lacks([] { hide("/sys/module"); }, {"kvm_amd", "kvm_intel"});
}

TEST(BadInput, WithoutTracingNoRightsAreNeeded) {
  CommandOptions options;
  options.before_exec = [] {
    hide("/sys/kernel/btf");
    drop_capability(CAP_BPF);
    drop_capability(CAP_PERFMON);
  };
  const auto result = trapline({"run", "--workload", "pio", "-n", "5", "--no-trace"}, options);
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST(Doctor, IsContentHere) {
  const auto result = trapline({"doctor", "--json"});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["schema"], "trapline.doctor/1");
  EXPECT_GE(document["checks"].size(), 8u);
  for (const auto& check : document["checks"])
    EXPECT_NE(check["finding"], "LACKS") << check;
  ASSERT_EQ(document["modes"].size(), 2u);
  for (const std::size_t at : {0u, 1u}) {
    const auto& mode = document["modes"][at];
    EXPECT_EQ(mode["mode"], at == 0 ? "full" : "light");
    EXPECT_EQ(mode["with_your_rights"]["works"], true) << mode;
    EXPECT_EQ(mode["as_root"]["works"], true) << mode;
  }
}

// Full probes on VMX are the only ones that need tracefs.
TEST(Doctor, SaysWhichModeLacksTracefs) {
  CommandOptions options;
  options.before_exec = [] {
    hide("/sys/kernel/tracing");
    hide("/sys/kernel/debug");
  };
  const auto result = trapline({"doctor", "--json"}, options);
  EXPECT_EQ(result.status, 0) << "there are probes that work\n" << result.out << result.err;
  const auto modes = nlohmann::json::parse(result.out)["modes"];
  const bool vmx = std::filesystem::exists("/sys/module/kvm_intel");
  for (const char* rights : {"with_your_rights", "as_root"}) {
    EXPECT_EQ(modes[0][rights]["works"], !vmx) << modes;
    EXPECT_EQ(modes[1][rights]["works"], true) << modes;
    if (!vmx) continue;
    expect_mentions(modes[0][rights]["reason"], {"tracefs is not mounted"});
    expect_mentions(modes[0][rights]["remedy"], {"mount -t tracefs tracefs /sys/kernel/tracing"});
  }
}

TEST(Doctor, NamesWhatLacksAndTheRemedy) {
  CommandOptions options;
  options.before_exec = [] { hide("/dev"); };
  const auto result = trapline({"doctor"}, options);
  EXPECT_EQ(result.status, 3);
  expect_mentions(result.out, {"/dev/kvm", "remedy"});

  options.before_exec = [] { drop_capability(CAP_BPF); };
  const auto no_rights = trapline({"doctor"}, options);
  EXPECT_EQ(no_rights.status, 3);
  expect_mentions(no_rights.out, {"CAP_BPF"});
}

}  // namespace
}  // namespace trapline::test
