// eldrctl update-blocks
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/ctl/block_options.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"
#include "client/ctl/signature_source.h"

namespace eldr::ctl {
namespace {

struct UpdateOptions {
  std::string prefill_worker, model, stored;
  bool cleared = false;
  std::vector<std::string> removed;
  SignatureSource source;
};

absl::Status Update(Session& session, const UpdateOptions& o) {
  v1::UpdateBlocksRequest request;
  request.set_model(o.model);
  request.set_prefill_worker(o.prefill_worker);
  request.set_cleared(o.cleared);
  for (const std::string& digits : o.removed) {
    absl::StatusOr<std::string> hash = ParseHash("--removed", digits);
    if (!hash.ok()) return hash.status();
    request.add_removed(*std::move(hash));
  }
  if (!o.stored.empty()) {
    absl::StatusOr<std::string> hash = ParseHash("--stored", o.stored);
    if (!hash.ok()) return hash.status();
    absl::StatusOr<v1::ExpertSignature> signature =
        LoadSignature(o.source, o.model, session.client);
    if (!signature.ok()) return signature.status();
    v1::SignatureBlock& block = *request.add_stored();
    block.set_hash(*std::move(hash));
    *block.mutable_signature() = *std::move(signature);
  }
  const auto response = session.client.UpdateBlocks(request);
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  session.out << response->blocks() << " blocks of " << o.prefill_worker << " are known, "
              << response->bytes() << " bytes in the model's store";
  if (response->evicted() > 0) session.out << "; " << response->evicted() << " were evicted";
  session.out << "\n";
  return absl::OkStatus();
}

Runner DefineUpdate(CLI::App& app) {
  auto o = std::make_shared<UpdateOptions>();
  app.add_option("WORKER", o->prefill_worker, "The prefill worker whose cache it is")->required();
  app.add_option("--model", o->model, "The worker's model")->envname("ELDR_MODEL")->required();
  app.add_flag("--cleared", o->cleared, "First, all blocks of the worker are gone");
  app.add_option("--removed", o->removed, "Then these are gone, in hexadecimal digits")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("HASH,...");
  app.add_option("--stored", o->stored, "Then this one is there, with the signature given")
      ->type_name("HASH");
  AddSignatureOptions(app, o->source, SignatureNeed::kOptional);
  // After the parse, as an option cannot need one of a group.
  app.parse_complete_callback([o] {
    if (o->stored.empty() == o->source.IsGiven()) {
      throw CLI::ValidationError("--stored and a signature source: expected both or none");
    }
  });
  return [o](Session& session) { return Update(session, *o); };
}

constexpr Command kBlockCommands[] = {
    {"", "update-blocks", "Tell which KV blocks a prefill worker holds now, as the worker does",
     "Hashes are written in hexadecimal digits. The forms of a signature are those of\n"
     "`eldrctl push-signature --help`; it covers the block's own tokens.\n"
     "Examples:\n"
     "  eldrctl update-blocks p0 --model m --stored 9f31 --counts block.json\n"
     "  eldrctl update-blocks p0 --model m --removed 9f31,77a0\n"
     "  eldrctl update-blocks p0 --model m --cleared\n"
     "  eldrctl push-signature r1 --model m --prefill-worker p0 --blocks 9f31 --prompt-tokens 812",
     DefineUpdate},
};

}  // namespace

absl::Span<const Command> BlockCommands() { return kBlockCommands; }

}  // namespace eldr::ctl
