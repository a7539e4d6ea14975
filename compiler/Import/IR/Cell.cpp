// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Cell.h"

#include "compiler/Import/IR/Build.h"
#include "compiler/Import/Native.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace xlstm {

static Attribute toAttribute(const description::Value &value, Builder &builder) {
  using Kind = description::Value::Kind;
  SmallVector<Attribute> elements;
  switch (value.kind) {
  case Kind::Null:
    return builder.getUnitAttr();
  case Kind::Boolean:
    return builder.getBoolAttr(value.boolean);
  case Kind::Integer:
    return builder.getI64IntegerAttr(value.integer);
  case Kind::Number:
    return builder.getF64FloatAttr(value.number);
  case Kind::String:
    return builder.getStringAttr(value.string);
  case Kind::Array:
    for (const description::Value &element : value.elements)
      elements.push_back(toAttribute(element, builder));
    return builder.getArrayAttr(elements);
  case Kind::Object:
    for (const description::Member &member : value.members)
      elements.push_back(builder.getDictionaryAttr(
          builder.getNamedAttr(member.name, toAttribute(member.value, builder))));
    return builder.getArrayAttr(elements);
  }
  llvm_unreachable("every kind is listed above");
}

DictionaryAttr cellAttribute(const description::CellDescription &cell, MLIRContext *context) {
  Builder builder(context);
  NamedAttrList attributes;
  for (const description::Member &member : description::nativeCell(cell).members)
    attributes.set(member.name, toAttribute(member.value, builder));
  return attributes.getDictionary(context);
}

DictionaryAttr cellAttribute(Operation *cell) {
  MLIRContext *context = cell->getContext();
  if (auto op = dyn_cast<mlir::xlstm::MLSTMOp>(cell)) {
    description::CellDescription description;
    description.heads = op.getHeads();
    description.dqk = op.getDqk();
    description.dv = op.getDv();
    // The enumerations have the same enumerators in the same order.
    description.inputGate = description::InputGate(int(op.getInputGate()));
    description.scaleOn = description::ScaleOn(int(op.getScaleOn()));
    description.denominator = description::Denominator(int(op.getDenominator()));
    description.normalizerGrad = description::NormalizerGrad(int(op.getNormalizerGrad()));
    description.normalize = op.getNormalize();
    description.eps = op.getEps().convertToDouble();
    return cellAttribute(description, context);
  }
  auto scan = cast<mlir::xlstm::ScanOp>(cell);
  Builder builder(context);
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("kind", builder.getStringAttr("mlir")),
       builder.getNamedAttr("heads", builder.getI64IntegerAttr(scan.getHeads())),
       builder.getNamedAttr("d", builder.getI64IntegerAttr(scan.getHeadSize()))});
}

static void write(llvm::json::OStream &json, Attribute value) {
  if (auto boolean = dyn_cast<BoolAttr>(value))
    json.value(boolean.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(value))
    json.value(integer.getInt());
  else if (auto number = dyn_cast<FloatAttr>(value))
    json.value(number.getValueAsDouble());
  else if (auto string = dyn_cast<StringAttr>(value))
    json.value(string.getValue());
  else if (auto array = dyn_cast<ArrayAttr>(value)) {
    // An array of dictionaries is an object whose members have an order.
    bool isObject = !array.empty() && isa<DictionaryAttr>(array[0]);
    isObject ? json.objectBegin() : json.arrayBegin();
    for (Attribute element : array)
      if (auto member = dyn_cast<DictionaryAttr>(element))
        json.attribute(member.begin()->getName(),
                       llvm::json::Value(cast<StringAttr>(member.begin()->getValue()).getValue()));
      else
        write(json, element);
    isObject ? json.objectEnd() : json.arrayEnd();
  }
}

std::string cellToJson(DictionaryAttr cell) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    for (NamedAttribute entry : cell) {
      json.attributeBegin(entry.getName());
      write(json, entry.getValue());
      json.attributeEnd();
    }
  });
  return text;
}

} // namespace xlstm
