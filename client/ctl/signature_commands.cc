// eldrctl push-signature
#include <memory>

#include "client/ctl/block_options.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"
#include "client/ctl/signature_source.h"

namespace eldr::ctl {
namespace {

struct PushOptions {
  std::string request_id, model, prefill_worker;
  SignatureSource source;
  PromptBlocksSource blocks;
  bool append = false;
  std::optional<uint32_t> append_at;
};

absl::Status Push(Session& session, const PushOptions& o) {
  v1::PushSignatureRequest request;
  absl::Status status = SetPrompt(o.source, o.blocks, o.model, session.client, request);
  if (!status.ok()) return status;
  request.set_model(o.model);
  request.set_request_id(o.request_id);
  request.set_prefill_worker(o.prefill_worker);
  request.set_append(o.append);
  if (o.append_at) request.set_append_at(*o.append_at);
  const auto response = session.client.PushSignature(request);
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  session.out << "signature of " << o.request_id << " covers " << response->tokens() << " tokens, "
              << EnumText(v1::SignatureQuality_Name(response->quality()), "SIGNATURE_QUALITY_")
              << (response->updated_lease() ? "; updated the lease the request holds" : "") << "\n";
  return absl::OkStatus();
}

Runner DefinePush(CLI::App& app) {
  auto o = std::make_shared<PushOptions>();
  app.add_option("REQUEST", o->request_id, "The request's id")->required();
  app.add_option("--model", o->model, "The request's model")->envname("ELDR_MODEL")->required();
  AddSignatureOptions(app, o->source, SignatureNeed::kOptional);
  app.add_option("--prefill-worker", o->prefill_worker, "Who computed it");
  AddPromptBlocksOption(app, o->blocks);
  CLI::Option* const append =
      app.add_flag("--append", o->append, "Add to what is stored (chunked prefill)")
          ->excludes(app.get_option("--blocks"));
  app.add_option("--append-at", o->append_at, "The tokens that must be stored before this chunk")
      ->needs(append);
  // After the parse, as both may be given but not none.
  app.parse_complete_callback([o] {
    if (!o->source.IsGiven() && !o->blocks.IsGiven()) {
      throw CLI::RequiredError("A signature source or --blocks");
    }
  });
  return [o](Session& session) { return Push(session, *o); };
}

constexpr Command kSignatureCommands[] = {
    {"", "push-signature", "Store a request's expert signature, as a prefill worker does",
     "Counts: JSON {\"tokens\": 64, \"counts\": [[...], ...]}, a row per layer, or an "
     "ExpertSignature\n"
     "in protobuf's JSON; or a .csv, a line per layer, with --tokens. Raw and sparse counts need\n"
     "--tokens too. Index = layer * experts + expert. Routed experts: .npy of uint8, uint16 or\n"
     "int32, [tokens, layers, top_k], dense layers included or not; counted by the model's "
     "geometry.\n"
     "Responses: the whole JSON body of a prefill call, as the engine returned it. Its form is\n"
     "recognised: vLLM's choices[].routed_experts (.npy in base64, or the lists of 0.21), "
     "SGLang's\n"
     "meta_info.routed_experts (int32 in base64), the reference's kv_transfer_params.eldr_sig.\n"
     "Rows of decode are left out if the body tells prompt_tokens; docs/engines.md has the rest.\n"
     "Examples:\n"
     "  eldrctl push-signature r1 --model m --counts r1.json --prompt-tokens 812\n"
     "  eldrctl push-signature r1 --model m --raw r1.bin --encoding uint16 --tokens 812\n"
     "  eldrctl push-signature r1 --model m --sparse 0:1,3:1,8:1,9:1 --tokens 1\n"
     "  eldrctl push-signature r1 --model m --routed-experts trace.npy --rows 128:192\n"
     "  eldrctl push-signature r1 --model m --routed-experts r1.npy --rows 64:128 --append "
     "--append-at 64\n"
     "  eldrctl push-signature r1 --model m --response prefill.json\n"
     "  curl -s $VLLM/v1/completions -d @r1.json | eldrctl push-signature r1 --model m --response "
     "-\n"
     "With --blocks the signature covers the tokens outside of them, if there are any:\n"
     "  eldrctl push-signature r1 --model m --blocks 9f31,77a0 --prefill-worker p0 "
     "--prompt-tokens 812",
     DefinePush},
};

}  // namespace

absl::Span<const Command> SignatureCommands() { return kSignatureCommands; }

}  // namespace eldr::ctl
