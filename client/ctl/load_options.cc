#include "client/ctl/load_options.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/ctl/step_stats_option.h"

namespace eldr::ctl {
namespace {

// REQUEST=LEASE, as `eldrctl place` told the lease; an id may hold a '='.
void AddFinishedLeases(CLI::App& app, std::vector<v1::FinishedRequest>& finished) {
  app.add_option_function<std::vector<std::string>>(
         "--finished-lease",
         [&finished](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             const std::size_t at = text.rfind('=');
             v1::FinishedRequest one;
             uint64_t lease_id = 0;
             if (at == std::string::npos || !absl::SimpleAtoi(text.substr(at + 1), &lease_id)) {
               throw CLI::ValidationError(
                   "--finished-lease",
                   absl::StrCat("got \"", text,
                                "\", expected REQUEST=LEASE, e.g. r1=1795510817180366"));
             }
             one.set_request_id(text.substr(0, at));
             one.set_lease_id(lease_id);
             finished.push_back(std::move(one));
           }
         },
         "A request it finished, and its lease, which ends whatever the request holds by now;\n"
         "may be repeated")
      ->allow_extra_args(false)
      ->type_name("REQUEST=LEASE");
}

}  // namespace

void AddLoadOptions(CLI::App& app, client::NodeLoad& load) {
  app.add_option("--running", load.running, "Sequences in its running batch [0]");
  app.add_option("--queued", load.queued, "Sequences queued for it [0]");
  app.add_option("--kv-usage", load.kv_usage, "Share of its KV memory in use, 0 to 1");
  AddStepStats(app, "--steps", load.steps);
  app.add_option("--running-request", load.running_request_ids,
                 "A request it runs, whose lease is renewed; may be repeated")
      ->allow_extra_args(false)
      ->type_name("REQUEST");
  app.add_flag("--complete-list", load.complete_list,
               "The --running-request are all that run or queue on it: unknown ones are adopted,\n"
               "and leases that are not named end as unconfirmed once they are old enough");
  app.add_option(
         "--finished-request", load.finished_request_ids,
         "A request it finished, whose lease ends, unless that may be of an earlier one of\n"
         "the same id; may be repeated")
      ->allow_extra_args(false)
      ->type_name("REQUEST");
  AddFinishedLeases(app, load.finished);
}

}  // namespace eldr::ctl
