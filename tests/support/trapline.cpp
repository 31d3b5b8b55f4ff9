#include "tests/support/trapline.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <stdexcept>

namespace trapline::test {

std::string trapline_program() {
  return TRAPLINE_PROGRAM;
}

CommandResult trapline(const std::vector<std::string>& arguments, const CommandOptions& options) {
  std::vector<std::string> argv = {trapline_program()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_command(argv, options);
}

Workspace::Workspace() {
  std::string name = "/dev/shm/trapline-test.XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
}

Workspace::~Workspace() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void expect_private(const std::string& recording) {
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(recording).permissions(), perms{0700});
  for (const auto& file : std::filesystem::directory_iterator(recording))
    EXPECT_EQ(file.status().permissions(), perms{0600}) << file.path();
}

nlohmann::json report_of(const std::string& recording) {
  const auto result = trapline({"report", recording, "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

nlohmann::json chrome_trace_of(const std::string& recording) {
  const std::string file = recording + ".chrome.json";
  const auto result = trapline({"export", recording, "--format", "chrome", "-o", file});
  EXPECT_EQ(result.status, 0) << result.err;
  std::ifstream in(file);
  return nlohmann::json::parse(in);
}

namespace {

std::string on_vmx(const std::string& reason) {
  static const std::map<std::string, std::string> names = {
      {"io", "IO_INSTRUCTION"}, {"hlt", "HLT"}, {"cpuid", "CPUID"}, {"shutdown", "TRIPLE_FAULT"}};
  const auto found = names.find(reason);
  return found == names.end() ? reason : found->second;
}

}  // namespace

std::string reason_here(const std::string& svm_name) {
  return std::filesystem::exists("/sys/module/kvm_intel") ? on_vmx(svm_name) : svm_name;
}

std::uint64_t exits_named(const nlohmann::json& report, const std::string& reason, bool closed_only) {
  std::uint64_t count = 0;
  for (const auto& row : report.at("exits")) {
    if (row.at("reason") != reason && row.at("reason") != on_vmx(reason)) continue;
    count += row.at("count").get<std::uint64_t>();
    if (closed_only) count -= row.at("open").get<std::uint64_t>();
  }
  return count;
}

namespace {

std::vector<std::uint32_t> all_ids(int (*next)(std::uint32_t, std::uint32_t*)) {
  std::vector<std::uint32_t> ids;
  for (std::uint32_t id = 0; next(id, &id) == 0;)
    ids.push_back(id);
  return ids;
}

}  // namespace

BpfObjects bpf_objects() {
  return {all_ids(bpf_prog_get_next_id), all_ids(bpf_link_get_next_id)};
}

bool no_bpf_objects_but(const BpfObjects& before) {
  return eventually([&] {
    const BpfObjects now = bpf_objects();
    return std::ranges::includes(before.programs, now.programs) &&
           std::ranges::includes(before.links, now.links);
  });
}

}  // namespace trapline::test
