// Searches of both kinds whose trials run two at once.
val regression = new ToldRegression().setMaxIter(3)
val strengths = new ParamGridBuilder().addGrid(regression.regParam, Array(0.0, 0.1, 0.2)).build()
Told.search("A", 3, strengths) {
  new CrossValidator().setEstimator(regression).setEvaluator(evaluator).setEstimatorParamMaps(strengths)
    .setNumFolds(3).setSeed(1).setParallelism(2).fit(data)
}
val boosting = new ToldTrees().setMaxIter(2).setMaxDepth(2)
val steps = new ParamGridBuilder().addGrid(boosting.stepSize, Array(0.1, 0.2)).build()
Told.search("B", 1, steps) {
  new TrainValidationSplit().setEstimator(boosting).setEvaluator(evaluator).setEstimatorParamMaps(steps)
    .setParallelism(2).setSeed(1).fit(data)
}
sys.exit(0)
