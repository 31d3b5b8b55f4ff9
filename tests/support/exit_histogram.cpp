#include "tests/support/exit_histogram.h"

#include <fstream>
#include <regex>

namespace trapline::test {
namespace {

const std::string kEvent = "/sys/kernel/tracing/events/kvm/kvm_exit/";
const std::string kTrigger = "hist:keys=exit_reason:size=2048";

bool trigger(const std::string& text) {
  std::ofstream file(kEvent + "trigger");
  file << text << std::flush;
  return file.good();
}

}  // namespace

ExitHistogram::ExitHistogram() : works_(trigger(kTrigger)) {}
ExitHistogram::~ExitHistogram() {
  trigger("!" + kTrigger);
}

// "{ exit_reason:  30 } hitcount:  600"
std::map<std::uint64_t, std::uint64_t> ExitHistogram::counts() const {
  std::map<std::uint64_t, std::uint64_t> found;
  std::ifstream file(kEvent + "hist");
  const std::regex row(R"(\{ exit_reason:\s+(\d+) \} hitcount:\s+(\d+))");
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_search(line, match, row)) found[std::stoull(match[1])] = std::stoull(match[2]);
  }
  return found;
}

std::uint64_t ExitHistogram::all() const {
  std::uint64_t sum = 0;
  for (const auto& [code, count] : counts())
    sum += count;
  return sum;
}

}  // namespace trapline::test
