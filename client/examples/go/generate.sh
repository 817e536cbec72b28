#!/bin/sh
# Generates the package eldrv1 from the protos. protoc is Debian's protobuf-compiler; its plugins are
# the versions that go.mod names.
set -eu
protos=${ELDR_PROTOS:-../../../proto}
package=eldr.example/place/eldrv1
set --
for file in element_error placement signature step_time; do
  for plugin in go go-grpc; do
    set -- "$@" "--${plugin}_opt=Meldr/v1/$file.proto=$package"
  done
done
mkdir -p eldrv1
protoc -I "$protos" \
  --plugin=protoc-gen-go="$(go tool -n protoc-gen-go)" \
  --plugin=protoc-gen-go-grpc="$(go tool -n protoc-gen-go-grpc)" \
  --go_out=. --go-grpc_out=. --go_opt=module=eldr.example/place --go-grpc_opt=module=eldr.example/place "$@" \
  eldr/v1/element_error.proto eldr/v1/placement.proto eldr/v1/signature.proto eldr/v1/step_time.proto
