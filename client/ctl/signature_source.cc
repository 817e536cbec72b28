#include "client/ctl/signature_source.h"

#include "client/engines/geometry.h"

namespace eldr::ctl {

void AddSignatureOptions(CLI::App& app, SignatureSource& source, SignatureNeed need) {
  CLI::Option_group* const from = app.add_option_group("Signature source");
  CLI::Option* const counts =
      from->add_option("--counts", source.counts_file, "JSON or CSV file of counts")
          ->type_name("FILE");
  CLI::Option* const raw =
      from->add_option("--raw", source.raw_file, "File of packed little-endian counts")
          ->type_name("FILE");
  CLI::Option* const sparse =
      from->add_option("--sparse", source.sparse, "Counts that are not zero, INDEX:COUNT each")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->type_name("I:C,...");
  CLI::Option* const routed = from->add_option("--routed-experts", source.routed_experts_file,
                                               ".npy file of expert ids, [tokens, layers, top_k]")
                                  ->type_name("FILE");
  CLI::Option* const response =
      from->add_option("--response", source.response_file,
                       "Response body of vLLM, SGLang or the reference; - for standard input")
          ->type_name("FILE");
  if (need == SignatureNeed::kRequired) {
    from->require_option(1);
  } else {
    from->require_option(0, 1);
  }
  CLI::Option* const encoding =
      app.add_option("--encoding", source.raw_encoding, "Width of a count in the --raw file")
          ->check(CLI::IsMember({"uint8", "uint16", "uint32"}))
          ->needs(raw);
  raw->needs(encoding);
  app.add_option("--rows", source.rows,
                 "Which tokens, A:B [all; of --response the prompt's, if it tells how many]")
      ->type_name("A:B")
      ->excludes(counts)
      ->excludes(raw)
      ->excludes(sparse);
  app.add_option("--choice", source.choice, "Which answer of --response, from 0")
      ->needs(response)
      ->capture_default_str();
  app.add_option("--hidden-layers", source.hidden_layers,
                 "Rows per token of --response, for SGLang, which does not tell [the model's]")
      ->check(CLI::Range(1u, engines::kMaxHiddenLayers))
      ->needs(response);
  app.add_option("--start-len", source.start_len,
                 "Tokens that --response leaves out at the front (routed_experts_start_len) [0]")
      ->needs(response);
  app.add_option("--tokens", source.tokens, "How many tokens the counts cover")
      ->excludes(routed)
      ->excludes(response);
  app.add_option("--prompt-tokens", source.prompt_tokens, "How many tokens the prompt has");
}

}  // namespace eldr::ctl
