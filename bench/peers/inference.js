// Compares engines on the same networks, one run after the other, round by round:
// node inference.js EIGENBIT ONEDNN-BENCH FOLDER, where FOLDER holds NAME.onnx, NAME.int8.onnx and NAME.auto.Nbit.ebit.
// Prints medians over the rounds of each round's median in milliseconds, and ratios.
"use strict";
const { execFileSync } = require("child_process");
const fs = require("fs");
const path = require("path");

const [eigenbit, onednn, folder] = process.argv.slice(2);
const networks = (process.env.NETWORKS || "resnet18 resnet50 alexnet mobilenet-v2").split(" ");
const rounds = Number(process.env.ROUNDS || 3);
const seconds = Number(process.env.SECONDS || 1);
const batches = (process.env.BATCHES || "1 8").split(" ");
const configurations = batches.flatMap((batch) => [[1, batch], [2, batch]]);  // threads, batch
const file = (name) => path.join(folder, name);
const run = (program, args, environment) =>
    execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"],
                                  env: { ...process.env, ...environment } });

function timeEigenbit(model, execution, threads, batch) {
    const json = file("bench.json");
    run(eigenbit, ["bench", model, "--execution", execution, "--threads", threads, "--batch", batch,
                   "--seconds", seconds, "--json", json]);
    return JSON.parse(fs.readFileSync(json)).latency_ms.median;
}

const timeOnnxRuntime = (model, threads, batch) =>
    Number(run("node", [path.join(__dirname, "onnxruntime.js"), model, threads, batch, seconds],
               { NODE_PATH: file("node_modules") }));

const timeOneDnn = (model, type, threads, batch) =>
    Number(run(onednn, [model, type, batch, seconds], { OMP_NUM_THREADS: threads }));

function engines(name) {
    const float = file(`${name}.onnx`);
    const int8 = file(`${name}.int8.onnx`);
    const list = [
        ["ONNX Runtime float", float, (t, b) => timeOnnxRuntime(float, t, b)],
        ["ONNX Runtime int8", int8, (t, b) => timeOnnxRuntime(int8, t, b)],
        ["oneDNN convolutions float", null, (t, b) => timeOneDnn(float, "float", t, b)],
        ["oneDNN convolutions u8s8", null, (t, b) => timeOneDnn(float, "int8", t, b)],
        ["Eigenbit float", float, (t, b) => timeEigenbit(float, "float", t, b)],
    ];
    for (const bits of [8, 4, 2, 1]) {
        const packed = file(`${name}.auto.${bits}bit.ebit`);
        list.push([`Eigenbit ${bits} bit`, packed, (t, b) => timeEigenbit(packed, "int8", t, b)]);
    }
    return list;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

for (const name of networks) {
    const list = engines(name);
    console.log(`\n${name}`);
    console.log("engine".padEnd(28) + "file bytes".padStart(12) +
                configurations.map(([t, b]) => `${t} thr, batch ${b}`.padStart(16) + "  × int8").join(""));
    const times = list.map(() => configurations.map(() => []));
    for (let round = 0; round < rounds; ++round)
        configurations.forEach(([threads, batch], c) =>
            list.forEach(([, , time], e) => times[e][c].push(time(threads, batch))));
    const medians = times.map((row) => row.map(median));
    list.forEach(([engine, model], e) => {
        const bytes = model ? String(fs.statSync(model).size) : "";
        console.log(engine.padEnd(28) + bytes.padStart(12) + configurations.map((_, c) =>
            medians[e][c].toFixed(2).padStart(13) + " ms" + (medians[1][c] / medians[e][c]).toFixed(2).padStart(8)).join(""));
    });
}
console.log("\n× int8: how many times as fast as ONNX Runtime int8. oneDNN: the sum of the network's convolutions and " +
            "fully-connected layers alone.");
