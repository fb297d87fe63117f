# Computes the headline numbers again, from data/responses.csv, in base R; compares them with tables/*.csv.
#
#     Rscript reproduce.R
#
# Rates with their variance over readers and images (Gallas, Pennello, Myers 2007), intervals, the AUC averaged over
# readers (Gallas 2006), d' and criterion, agreement, and the equivalence test. Exit status 1 if a number differs by
# more than 1e-9. Where the package lme4 is installed it also fits the model with crossed random effects of readers and
# images, which supports the headline and replaces nothing, and prints both side by side.

tolerance <- 1e-9
negligible <- 1e-12
arguments <- commandArgs(trailingOnly = FALSE)
script <- sub("^--file=", "", grep("^--file=", arguments, value = TRUE))
if (length(script) == 1) setwd(dirname(normalizePath(script)))
all_rows <- read.csv("data/responses.csv", colClasses = "character", check.names = FALSE, encoding = "UTF-8",
                     na.strings = character(0))
answers <- all_rows[all_rows$phase == "test", ]
if (all(answers$response == "")) {
  cat("Readers were not asked whether images are real: the numbers of this script do not exist. See reproduce.py.\n")
  quit(status = 0)
}
answers$judged_real <- as.numeric(answers$response == "real")
answers$correct <- as.numeric(answers$response == answers$truth)
confidence <- ifelse(answers$confidence == "", 1, suppressWarnings(as.numeric(answers$confidence)))
answers$score <- ifelse(answers$response == "generated", confidence, -confidence)

# Degrees of freedom of readers (or images): their number, less where they weigh unequally.
effective_df <- function(unit, group, weight) {
  counts <- table(group, unit)
  leverage <- colSums(weight^2 * (counts / rowSums(counts))^2)
  groups_of_a_unit <- sum(counts > 0) / ncol(counts)
  max(1, sum(leverage)^2 / sum(leverage^2) - nrow(counts) / groups_of_a_unit)
}

# Without a package R reads no JSON: one number each is found in the text.
number_after <- function(text, key) {
  place <- regmatches(text, regexpr(paste0('"', key, '": [-+0-9.eE]+'), text))
  if (length(place) == 0) NA else as.numeric(sub(".*: ", "", place))
}
text <- paste(readLines("analysis.json", encoding = "UTF-8", warn = FALSE), collapse = " ")

# Of all intervals. Where results were looked at before the end it is higher: reproduce.py computes it, here it is read.
looks <- regmatches(text, regexpr('"looks": *\\{.*', text))
upper <- if (length(looks) == 1) (1 + number_after(looks, "level")) / 2 else 0.975
if (length(looks) == 1) cat("Results were looked at early: intervals are at", 2 * upper - 1, "as analysis.json says.\n\n")

nothing_varies <- function(s) max(s$readers, 0) + max(s$images, 0) + max(s$least, 0) <= negligible
safe_variance <- function(s) max(s$readers + s$images + s$residual, s$least)

satterthwaite <- function(s) {
  reader <- s$readers + s$residual
  image <- s$images + s$residual
  noise <- reader^2 / s$df_readers + image^2 / s$df_images + s$residual^2 / (s$df_readers * s$df_images)
  if (noise > negligible^2) max(1, safe_variance(s)^2 / noise) else 1
}

# The shares mu with (estimate - mu)^2 <= noise q + effects q^p, q = mu (1 - mu) / (estimate (1 - estimate)).
score_interval <- function(estimate, s) {
  parts <- pmax(c(s$readers, s$images), 0)
  df <- c(s$df_readers, s$df_images)
  least <- max(s$least, 0)
  in_parts <- c(qnorm(upper)^2 * least, sum(qt(upper, df)^2 * parts))
  few <- if (df[1] <= df[2] * (1 + 1e-9)) 1 else 2
  parts[few] <- max(c(s$readers, s$images)[few] + s$residual, 0.2 * s$residual, 0)
  total <- sum(parts)
  square <- in_parts
  if (total > negligible) {
    t2 <- qt(upper, max(1, 1 / sum((parts / total)^2 / df)))^2
    noise <- min(least, total)
    square <- t2 * c(noise, total - noise)
  }
  skew <- min(1, 2 * abs(2 * estimate - 1))
  ends <- if (estimate > 0.5) c(0, 1) else c(1, 0)
  sort(c(limit(estimate, ends[1], square, 1.75 + 0.25 * skew),
         limit(estimate, ends[2], skew * in_parts + (1 - skew) * square, 1.75 - 0.25 * skew)))
}

limit <- function(estimate, end, half, power) {
  inside <- estimate
  beyond <- end
  for (step in 1:200) {
    mu <- (inside + beyond) / 2
    q <- mu * (1 - mu) / (estimate * (1 - estimate))
    if ((estimate - mu)^2 > half[1] * q + half[2] * q^power) beyond <- mu else inside <- mu
  }
  inside
}

nothing <- list(variance = NA, df = NA, interval = c(NA, NA), spread = NULL)

# Mean score with its variance; `group` are strata that the design fixes.
rate <- function(rows, score, group = rep("all", nrow(rows))) {
  if (nrow(rows) == 0) return(c(list(estimate = NA), nothing))
  y <- rows[[score]]
  found <- c(list(estimate = mean(y)), nothing)
  reader <- rows$reader
  image <- rows$image
  if (length(unique(reader)) < 2 || length(unique(image)) < 2) return(found)
  names <- sort(unique(group))
  count <- as.numeric(table(group)[names])
  means <- tapply(y, group, mean)[names]
  weight <- count / sum(count)
  sums <- function(values, unit) tapply(values, list(factor(group, names), unit), sum, default = 0)
  n_reader <- sums(rep(1, length(y)), reader)
  n_image <- sums(rep(1, length(y)), image)
  own <- diag(count, length(count))
  pairs <- count %o% count
  of_reader <- n_reader %*% t(n_reader) - own
  of_image <- n_image %*% t(n_image) - own
  neither <- pairs - of_reader - of_image - own
  products <- function(value) {
    square <- diag(as.numeric(tapply(value^2, group, sum)[names]), length(names))
    by_reader <- sums(value, reader)
    by_image <- sums(value, image)
    total <- as.numeric(tapply(value, group, sum)[names])
    share_reader <- by_reader %*% t(by_reader) - square
    share_image <- by_image %*% t(by_image) - square
    m4 <- (total %o% total - share_reader - share_image - square) / neither
    list(m1 = diag(square) / count, m2 = ifelse(of_reader > 0, share_reader / of_reader, m4),
         m3 = ifelse(of_image > 0, share_image / of_image, m4), m4 = m4)
  }
  plain <- products(y)
  if (any(neither == 0)) return(found)
  variance <- as.numeric(weight %*% (means %o% means - plain$m4) %*% weight)
  m <- products(y - as.numeric(means[group]))
  s <- list(
    readers = as.numeric(weight %*% ((of_reader + own) / pairs * (m$m2 - m$m4)) %*% weight),
    images = as.numeric(weight %*% ((of_image + own) / pairs * (m$m3 - m$m4)) %*% weight),
    residual = sum(weight^2 * (m$m1 - diag(m$m2) - diag(m$m3) + diag(m$m4)) / count),
    df_readers = effective_df(reader, factor(group, names), weight),
    df_images = effective_df(image, factor(group, names), weight),
    least = sum(weight^2 * means * (1 - means) / count))
  if (nothing_varies(s)) return(found)
  if (variance <= negligible) variance <- s$least
  list(estimate = mean(y), variance = variance, df = satterthwaite(s), interval = score_interval(mean(y), s), spread = s)
}

# Area under the ROC curve over readers, generated and real images, from an array of comparisons.
auc <- function(rows, weigh) {
  readers <- sort(unique(rows$reader))
  table_of <- function(truth) {
    part <- rows[rows$truth == truth, ]
    images <- sort(unique(part$image))
    filled <- matrix(NA, length(readers), length(images), dimnames = list(readers, images))
    filled[cbind(match(part$reader, readers), match(part$image, images))] <- part$score
    filled
  }
  g <- table_of("generated")
  n <- table_of("real")
  both <- rowSums(!is.na(g)) > 0 & rowSums(!is.na(n)) > 0
  if (!any(both)) return(c(list(estimate = NA), nothing))
  g <- g[both, , drop = FALSE]
  n <- n[both, , drop = FALSE]
  g <- g[, colSums(!is.na(g)) > 0, drop = FALSE]
  n <- n[, colSums(!is.na(n)) > 0, drop = FALSE]
  size <- c(nrow(g), ncol(g), ncol(n))
  one <- array(g, size)
  other <- aperm(array(n, size[c(1, 3, 2)]), c(1, 3, 2))
  made <- !is.na(one) & !is.na(other)
  won <- ifelse(made, (one > other) + 0.5 * (one == other), 0)
  each <- apply(made, 1, sum)
  weight <- if (weigh == "readers") made / (size[1] * each) else made / sum(each)
  area <- sum(weight * won)
  found <- c(list(estimate = area), nothing)
  if (min(size) < 2) return(found)
  sets <- c("", "r", "g", "n", "rg", "rn", "gn", "rgn")
  letters_of <- function(set) strsplit(set, "")[[1]]
  within <- function(set, other) all(letters_of(set) %in% letters_of(other))
  at_least <- function(values) sapply(sets, function(set) {
    kept <- match(letters_of(set), c("r", "g", "n"))
    if (length(kept) == 0) sum(values)^2 else sum(apply(values, kept, sum)^2)
  })
  exactly <- function(sums) sapply(sets, function(own) {
    outer <- sets[sapply(sets, function(other) within(own, other))]
    sum((-1)^(nchar(outer) - nchar(own)) * sums[match(outer, sets)])
  })
  share <- at_least(weight)
  number <- exactly(share)
  plain <- exactly(at_least(weight * won))
  centred <- exactly(at_least(weight * (won - area)))
  if (number[1] <= 1e-12 * max(number)) return(found)
  m <- ifelse(number > 1e-12 * max(number), centred / number, centred[1] / number[1])
  of <- function(set) share[match(set, sets)]
  part <- function(own, base = "") {
    inner <- sets[sapply(sets, function(other) within(base, other) && within(other, own))]
    sum((-1)^(nchar(own) - nchar(inner)) * m[match(inner, sets)])
  }
  both_parts <- pmax(0, c(of("g") * part("g"), of("n") * part("n")))
  df <- 1 / c(of("g"), of("n")) - 1
  noise <- sum(both_parts^2 / df)
  s <- list(
    readers = unname(of("r") * part("r")),
    images = sum(sapply(c("g", "n", "gn"), function(set) of(set) * part(set))),
    residual = sum(sapply(c("rg", "rn", "rgn"), function(set) of(set) * part(set))),
    df_readers = unname(1 / of("r") - 1),
    df_images = unname(if (noise > negligible^2) sum(both_parts)^2 / noise else min(df)),
    least = sum(sapply(c("rg", "rn", "rgn"), function(set) of(set) * part(set, "r"))))
  if (area %in% c(0, 1) || nothing_varies(s)) return(found)
  variance <- unname(area^2 - plain[1] / number[1])
  if (variance <= negligible) variance <- max(s$least, 0)
  list(estimate = area, variance = variance, df = satterthwaite(s), interval = score_interval(area, s), spread = s)
}

# d' and criterion with the log-linear correction.
dprime <- function(rows) {
  generated <- rows$truth == "generated"
  if (!any(generated) || all(generated)) return(NULL)
  said <- rows$response == "generated"
  hit <- qnorm((sum(said & generated) + 0.5) / (sum(generated) + 1))
  alarm <- qnorm((sum(said & !generated) + 0.5) / (sum(!generated) + 1))
  c(hit - alarm, -(hit + alarm) / 2)
}

agreement <- function(rows) {
  counts <- table(rows$image, factor(rows$response, c("generated", "real")))
  n <- rowSums(counts)
  several <- counts[n >= 2, , drop = FALSE]
  if (nrow(several) == 0) return(c(NA, NA, NA))
  k <- rowSums(several)
  observed <- mean(rowSums(several * (several - 1)) / (k * (k - 1)))
  p <- mean(counts[, "real"] / n)
  fleiss <- p^2 + (1 - p)^2
  gwet <- 2 * p * (1 - p)
  totals <- colSums(several)
  disagreed <- sum((k^2 - rowSums(several^2)) / (k - 1))
  expected <- (sum(totals)^2 - sum(totals^2)) / (sum(totals) - 1)
  c(if (fleiss < 1) (observed - fleiss) / (1 - fleiss) else NA,
    if (expected > 0) 1 - disagreed / expected else NA,
    if (gwet < 1) (observed - gwet) / (1 - gwet) else NA)
}

differing <- 0
compare <- function(name, published, computed) {
  if (length(published) == 0) published <- NA
  published <- suppressWarnings(as.numeric(published))
  apart <- if (is.na(published) && is.na(computed)) 0 else if (is.na(published) || is.na(computed)) Inf else
    abs(published - computed) / max(1, abs(published))
  if (apart > tolerance) differing <<- differing + 1
  cat(sprintf("%-58s %18.12g %18.12g %9.1e%s\n", name, published, computed, apart,
              if (apart > tolerance) "  DIFFERS" else ""))
}

read_table <- function(name) read.csv(file.path("tables", paste0(name, ".csv")), check.names = FALSE, encoding = "UTF-8")
cat(sprintf("%-58s %18s %18s %9s\n", "name", "in tables/", "computed", "differ"))
groups <- c("all", sort(unique(answers$diagnosis)))
rows_of <- function(group) if (group == "all") answers else answers[answers$diagnosis == group, ]
labels <- c(fooling = "Generated judged real (fooling rate)", kept = "Real judged real", accuracy = "Accuracy")
rates <- read_table("rates")
detection <- read_table("detection")
for (group in groups) {
  rows <- rows_of(group)
  found <- list(
    fooling = rate(rows[rows$truth == "generated", ], "judged_real"),
    kept = rate(rows[rows$truth == "real", ], "judged_real"),
    accuracy = rate(rows, "correct", rows$truth))
  for (name in names(found)) {
    line <- rates[rates$rate == labels[name] & rates$images == group, ]
    one <- found[[name]]
    title <- paste(group, labels[name], sep = ", ")
    compare(title, line$estimate, one$estimate)
    compare(paste0(title, ", variance"), line$variance, one$variance)
    compare(paste0(title, ", df"), line$df, one$df)
    compare(paste0(title, ", low"), line$mrmc_low, one$interval[1])
    compare(paste0(title, ", high"), line$mrmc_high, one$interval[2])
  }
  if (group == "all") accuracy <- found$accuracy
  for (weigh in c("readers", "comparisons")) {
    label <- if (weigh == "readers") "AUC" else "AUC, every comparison weighed alike (iMRMC)"
    line <- detection[detection$measure == label & detection$images == group, ]
    if (nrow(line) == 0) next
    one <- auc(rows, weigh)
    title <- paste(group, label, sep = ", ")
    compare(title, line$estimate, one$estimate)
    compare(paste0(title, ", low"), line$low, one$interval[1])
    compare(paste0(title, ", high"), line$high, one$interval[2])
  }
}

of_readers <- do.call(rbind, lapply(split(answers, answers$reader), dprime))
pooled <- dprime(answers)
if (!is.null(of_readers)) for (index in 1:2) {
  label <- c("d'", "criterion c")[index]
  each <- of_readers[, index]
  line <- detection[detection$measure == paste0(label, ", mean of readers"), ]
  half <- NA
  if (length(each) > 1 && diff(range(each)) > 1e-9 * max(1, abs(each)))
    half <- qt(0.975, length(each) - 1) * sd(each) / sqrt(length(each))
  compare(paste0(label, ", mean of readers"), line$estimate, mean(each))
  compare(paste0(label, ", low"), line$low, mean(each) - half)
  compare(paste0(label, ", high"), line$high, mean(each) + half)
  line <- detection[detection$measure == paste0(label, ", pooled"), ]
  compare(paste0(label, ", pooled"), line$estimate, pooled[index])
}

stored <- read_table("agreement")
for (index in 1:3) {
  name <- c("Fleiss' kappa", "Krippendorff's alpha", "Gwet's AC1")[index]
  line <- stored[stored$between == "readers" & stored$coefficient == name, ]
  compare(name, line$estimate, agreement(answers)[index])
}

test <- regmatches(text, regexpr('"equivalence": *\\{[^}]*\\}', text))
if (length(test) == 1 && !is.null(accuracy$spread)) {
  margin <- number_after(test, "margin")
  error <- sqrt(safe_variance(accuracy$spread))
  df <- satterthwaite(accuracy$spread)
  distance <- accuracy$estimate - 0.5
  p <- max(pt((distance + margin) / error, df, lower.tail = FALSE), pt((distance - margin) / error, df))
  compare("equivalence, p value", number_after(test, "p_value"), p)
}

# The model of readers and images. The platform integrates over the fixed effects too (restricted likelihood), lme4
# does not: its standard deviations are a little smaller where readers are few.
signal_detection <- function(rows) {
  rows$side <- ifelse(rows$truth == "generated", 0.5, -0.5)
  rows$says_generated <- as.numeric(rows$response == "generated")
  rows$diagnosis <- factor(rows$diagnosis)
  crossed <- nlevels(rows$diagnosis) > 1 && all(table(rows$diagnosis, rows$truth) > 0)
  if (crossed) contrasts(rows$diagnosis) <- contr.sum(nlevels(rows$diagnosis))
  fixed <- if (crossed) "side * diagnosis" else "side"
  formula <- as.formula(paste("says_generated ~", fixed, "+ (1 | reader) + (0 + side | reader) + (1 | image)"))
  model <- lme4::glmer(formula, rows, binomial("probit"))
  spread <- as.data.frame(lme4::VarCorr(model))
  of <- function(unit, term) spread$sdcor[sub("[.].*", "", spread$grp) == unit & spread$var1 == term]
  list(sensitivity = unname(lme4::fixef(model)["side"]), criterion = -unname(lme4::fixef(model)["(Intercept)"]),
       sd_sensitivity = of("reader", "side"), sd_criterion = of("reader", "(Intercept)"),
       sd_image = of("image", "(Intercept)"))
}
fitted_part <- regmatches(text, regexpr('"model": *\\{.*', text))
if (length(fitted_part) == 0 || grepl('"sensitivity": null', fitted_part)) {
  cat("\nanalysis.json has no model of readers and images: none to check.\n")
} else if (!requireNamespace("lme4", quietly = TRUE)) {
  cat("\nNOT CHECKED: the model of readers and images, for lme4 is not installed: install.packages(\"lme4\")\n")
} else if (!grepl('"by_generator": *null', fitted_part)) {
  cat("\nNOT CHECKED: the model of readers and images, for it has generators as a factor.\n")
} else {
  spread_part <- regmatches(fitted_part, regexpr('"sd": *\\{[^}]*\\}', fitted_part))
  of_mean <- function(name)
    number_after(regmatches(fitted_part, regexpr(paste0('"', name, '": *\\{[^}]*\\}'), fitted_part)), "estimate")
  published <- c(of_mean("sensitivity"), of_mean("criterion"),
                 sapply(c("sensitivity", "criterion", "image"), function(name) number_after(spread_part, name)))
  cat("\nModel of readers and images, probit scale; lme4's likelihood is another approximation, so digits differ:\n")
  tryCatch({
    found <- signal_detection(answers)
    cat(sprintf("%-20s %12s %12s\n", "", "in analysis", "by lme4"))
    cat(sprintf("%-20s %12.4f %12.4f\n", names(found), published, unlist(found)), sep = "")
  }, error = function(e) cat("lme4 could not fit it:", conditionMessage(e), "\n"))
}

cat(if (differing) sprintf("\n%d of these differ.\n", differing) else "\nEverything agrees.\n")
quit(status = if (differing) 1 else 0)
