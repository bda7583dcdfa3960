// Searches of both kinds one after the other, over a pipeline, with a fold column, and plain work around them.
val regression = new ToldRegression().setMaxIter(3)
val strengths = new ParamGridBuilder().addGrid(regression.regParam, Array(0.0, 0.1)).build()
val cross = new CrossValidator().setEvaluator(evaluator).setSeed(1)
data.count()
Told.search("A", 3, strengths) {
  cross.setEstimator(regression).setEstimatorParamMaps(strengths).setNumFolds(3).fit(data)
}
regression.fit(data)
Told.search("B", 1, strengths) {
  new TrainValidationSplit().setEstimator(regression).setEvaluator(evaluator).setEstimatorParamMaps(strengths)
    .setTrainRatio(0.7).setSeed(1).fit(data)
}
val tree = new DecisionTreeClassifier().setFeaturesCol("scaled")
val scaler = new StandardScaler().setInputCol("features").setOutputCol("scaled")
val pipeline = new ToldPipeline()
pipeline.setStages(Array(scaler, tree))
val depths = new ParamGridBuilder().addGrid(tree.maxDepth, Array(2, 3)).build()
Told.search("C", 2, depths) {
  cross.setEstimator(pipeline).setEstimatorParamMaps(depths).setNumFolds(2).fit(data)
}
Told.search("D", 3, strengths) {
  cross.setEstimator(regression).setEstimatorParamMaps(strengths).setNumFolds(3).setFoldCol("part").fit(data)
}
val Array(train, test) = data.randomSplit(Array(0.7, 0.3), 1)
train.cache(); test.cache()
evaluator.evaluate(regression.fit(train).transform(test))
sys.exit(0)
