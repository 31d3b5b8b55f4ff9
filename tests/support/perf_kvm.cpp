#include "tests/support/perf_kvm.h"

#include <sstream>

#include "tests/support/command.h"

namespace trapline::test {

// "   io   1501   30.04%   17.96%   11.20us   69419.35us   136.96us ( +-   2.90% )"
std::map<std::string, PerfRow> perf_kvm_rows(const std::string& perf_data) {
  const auto perf = run_command({"perf", "kvm", "-i", perf_data, "stat", "report"});
  std::map<std::string, PerfRow> rows;
  std::istringstream lines(perf.out + perf.err);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, samples_percent, time_percent, shortest, longest, average;
    std::uint64_t samples = 0;
    if (!(words >> name >> samples >> samples_percent >> time_percent >> shortest >> longest >> average))
      continue;
    if (average.ends_with("us")) rows[name] = {samples, static_cast<double>(samples) * std::stod(average)};
  }
  return rows;
}

}  // namespace trapline::test
