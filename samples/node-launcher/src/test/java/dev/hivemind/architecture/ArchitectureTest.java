package dev.hivemind.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The rules that hold over all modules. This module is the one that sees them all. */
class ArchitectureTest {

    private static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.hivemind");

    private static final JavaClasses OWN = ALL.that(DescribedPredicate.describe(
            "not generated", type -> !type.getPackageName().endsWith(".proto")));

    @Test
    void packages_haveNoCycles() {
        slices().matching("dev.hivemind.(**)").should().beFreeOfCycles().check(OWN);
    }

    @Test
    void engineInternals_areUsedByTensorOpsAlone() {
        noClasses()
                .that()
                .doNotHaveSimpleName("TensorOps")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl.pytorch..")
                .check(OWN);
    }

    @Test
    void wireAndDht_knowNoTensorLibrary() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.hivemind.rsocket..", "dev.hivemind.dht..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl..")
                .check(OWN);
    }

    @Test
    void modules_dependOneWay() {
        noClasses()
                .that()
                .resideInAPackage("dev.hivemind.rsocket..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.hivemind.dht..", "dev.hivemind.moe..", "dev.hivemind.samples..")
                .check(OWN);
        noClasses()
                .that()
                .resideInAPackage("dev.hivemind.dht..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.hivemind.moe..", "dev.hivemind.samples..")
                .check(OWN);
    }

    @Test
    void rsocket_isHiddenBehindTheWireModule() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.hivemind.rsocket..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.rsocket..")
                .check(OWN);
    }

    @Test
    void publicTypes_areUsedFromAnotherPackage() {
        classes()
                .that()
                .areTopLevelClasses()
                .and()
                .haveModifier(JavaModifier.PUBLIC)
                .should(beUsedFromAnotherPackage())
                .check(OWN);
    }

    private static ArchCondition<JavaClass> beUsedFromAnotherPackage() {
        return new ArchCondition<>("be used from another package or by the signature of what is") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                boolean used = isStartedOrLoaded(type)
                        || origins(type)
                                .anyMatch(origin -> !origin.getPackageName().equals(type.getPackageName()))
                        || origins(type).anyMatch(origin -> isInSignatureOf(origin, type));
                events.add(new SimpleConditionEvent(type, used, type.getName() + " is public for nobody"));
            }
        };
    }

    private static Stream<JavaClass> origins(JavaClass type) {
        return type.getDirectDependenciesToSelf().stream().map(Dependency::getOriginClass);
    }

    private static boolean isInSignatureOf(JavaClass origin, JavaClass type) {
        return isPublic(origin)
                && (origin.getAllRawSuperclasses().contains(type)
                        || origin.getMethods().stream()
                                .filter(method -> method.getModifiers().contains(JavaModifier.PUBLIC))
                                .anyMatch(method -> method.getRawReturnType().equals(type)
                                        || method.getReturnType()
                                                .getAllInvolvedRawTypes()
                                                .contains(type)
                                        || method.getRawParameterTypes().contains(type)));
    }

    private static boolean isPublic(JavaClass type) {
        return type.getModifiers().contains(JavaModifier.PUBLIC);
    }

    /** The launcher's main class, and what ServiceLoader makes. */
    private static boolean isStartedOrLoaded(JavaClass type) {
        return type.tryGetMethod("main", String[].class).isPresent()
                || type.isAssignableTo("dev.hivemind.moe.expert.ExpertFactory")
                || type.isAssignableTo("ch.qos.logback.classic.spi.Configurator");
    }

    @Test
    void packages_areNullMarkedAndDescribed() {
        Set<String> packages = OWN.stream()
                .filter(type -> !type.getPackageName().equals("dev.hivemind"))
                .map(JavaClass::getPackageName)
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(packages)
                .isNotEmpty()
                .allSatisfy(name ->
                        assertThat(Class.forName(name + ".package-info")).hasAnnotation(NullMarked.class));
    }
}
