// Times a network for 224×224 images in ONNX Runtime: node onnxruntime.js NET.onnx THREADS BATCH SECONDS. Prints the median in ms.
"use strict";
const ort = require("onnxruntime-node");

async function main([model, threads, batch, seconds]) {
    const session = await ort.InferenceSession.create(model, {
        intraOpNumThreads: Number(threads),
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
    });
    const shape = [Number(batch), 3, 224, 224];
    const values = new Float32Array(shape.reduce((a, b) => a * b)).map(() => Math.random() - 0.5);
    const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", values, shape) };
    const times = [];
    for (let i = 0; i < 3; ++i) await session.run(feeds);
    const end = performance.now() + 1000 * Number(seconds);
    while (times.length < 5 || performance.now() < end) {
        const start = performance.now();
        await session.run(feeds);
        times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(times[times.length >> 1]);
}

main(process.argv.slice(2));
