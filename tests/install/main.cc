// An outside project's smallest use of the client: asks a daemon for its models, and keeps block
// signatures. It is run with no daemon there, and then has to say so.
#include <iostream>

#include "eldr/client/client.h"

int main(int argc, char** argv) {
  eldr::client::Options options;
  if (argc > 1) options.target = argv[1];
  auto client = eldr::client::Client::Create(options);
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 2;
  }
  eldr::v1::ModelGeometry geometry;
  geometry.set_layers(2);
  geometry.set_experts(8);
  geometry.set_top_k(2);
  const auto blocks = eldr::client::BlockSignatures::Create(geometry, {});
  if (!blocks.ok() || !(*blocks)->Compose({"h"}, 9, nullptr).ok()) return 2;
  const auto models = (*client)->ListModels({});
  if (!models.ok()) {
    std::cerr << models.status() << "\n";
    return 1;
  }
  for (const eldr::v1::Model& model : models->models()) std::cout << model.name() << "\n";
  return 0;
}
